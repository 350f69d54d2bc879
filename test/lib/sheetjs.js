// SPDX-License-Identifier: MIT
// Writes the workbooks in the arguments as JSON: for each sheet, its rows of shown texts.
'use strict';
const XLSX = require('xlsx');

const found = {};
for (const path of process.argv.slice(2)) {
	const book = XLSX.readFile(path, { cellNF: true, cellHTML: false });
	for (const name of book.SheetNames) {
		const sheet = book.Sheets[name];
		const range = XLSX.utils.decode_range(sheet['!ref'] || 'A1');
		const rows = [];
		for (let r = 0; r <= range.e.r; r++) {
			const row = [];
			for (let c = 0; c <= range.e.c; c++) {
				const cell = sheet[XLSX.utils.encode_cell({ r, c })];
				row.push(cell ? XLSX.utils.format_cell(cell) : null);
			}
			rows.push(row);
		}
		found[name] = rows;
	}
}
process.stdout.write(JSON.stringify(found));
