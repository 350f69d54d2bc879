// SPDX-License-Identifier: MIT
// A line of JSON with SQL comes in, a line with rows or an error goes out.
'use strict';
const readline = require('readline');
const { DuckDBInstance } = require('@duckdb/node-api');

async function main() {
	const instance = await DuckDBInstance.create(':memory:');
	const connection = await instance.connect();
	for await (const line of readline.createInterface({ input: process.stdin })) {
		let answer;
		try {
			const reader = await connection.runAndReadAll(JSON.parse(line));
			answer = { rows: reader.getRowsJson() };
		} catch (error) {
			answer = { error: error.message };
		}
		process.stdout.write(JSON.stringify(answer) + '\n');
	}
}

main();
