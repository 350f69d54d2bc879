// SPDX-License-Identifier: MIT
//
// The peer: graphile-worker with its fastest settings, running the small report.
// argv[2]: JSON {sql, dir, sync, concurrency, prepared, batch, poll}. Says "ready".
'use strict';
const fs = require('fs');
const { run, Logger } = require('graphile-worker');
const pg = require('pg');

const o = JSON.parse(process.argv[2]);
// Values stay the server's text: nothing is parsed only to be printed again.
const types = { getTypeParser: () => (value) => value };
const source = new pg.Pool({ max: o.concurrency });
const queue = new pg.Pool({ max: o.concurrency + 2, application_name: 'peer' });
for (const pool of [source, queue])
	pool.on('error', console.error).on('connect', (c) => c.on('error', console.error));
const dirFd = fs.openSync(o.dir, 'r');

function field(value) {
	if (value === null)
		return '';
	return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function csv({ fields, rows }) {
	let text = fields.map((f) => field(f.name)).join(',') + '\n';
	for (const row of rows)
		text += row.map(field).join(',') + '\n';
	return text;
}

// Both make the file visible whole: temporary name, rename. Without fsync the
// blocking calls are the faster ones.
function publish(name, text) {
	const temp = `${o.dir}/.${name}.${process.pid}`;
	fs.writeFileSync(temp, text, { flag: 'wx' });
	fs.renameSync(temp, `${o.dir}/${name}`);
}

async function publishDurably(name, text) {
	const temp = `${o.dir}/.${name}.${process.pid}`;
	const file = await fs.promises.open(temp, 'wx');
	await file.writeFile(text);
	await file.sync();
	await file.close();
	await fs.promises.rename(temp, `${o.dir}/${name}`);
	await new Promise((done, failed) =>
		fs.fsync(dirFd, (e) => (e ? failed(e) : done())));
}

async function report({ store, name }) {
	const result = await source.query({
		name: o.prepared ? 'report' : undefined,
		text: o.sql, values: [store], rowMode: 'array', types,
	});
	const write = o.sync ? publishDurably : publish;
	await write(name, csv(result));
}

// When a job began, and when its first SQL did: a line of JSON.
async function stamp() {
	const started = (performance.timeOrigin + performance.now()) / 1000;
	const { rows } = await source.query({ name: 'stamp', text: o.sql, rowMode: 'array', types });
	console.log(JSON.stringify([started, Number(rows[0][0])]));
}

async function main() {
	const fast = {
		localQueue: { size: o.queue || 500 },
		completeJobBatchDelay: 0,
		failJobBatchDelay: 0,
	};
	const runner = await run({
		preset: { worker: {
			concurrentJobs: o.concurrency,
			maxPoolSize: o.concurrency + 1,
			pollInterval: (o.poll || 2) * 1000,
			...(o.batch === false ? {} : fast),
		} },
		pgPool: queue,
		logger: new Logger(() => () => {}),
		taskList: { report, stamp },
	});
	console.log('ready');
	await runner.promise;
}

main().catch((e) => {
	console.error(e);
	process.exit(1);
});
