// SPDX-License-Identifier: MIT
// Reads lines of JSON with SQL and answers each with a line that holds rows or an error.
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
