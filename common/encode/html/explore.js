// SPDX-License-Identifier: MIT
// Lets the readers of a report's page sort, filter and search its tables. It reads from
// the page: th[data-kind], how the values of a column compare (number, moment, length,
// or else text); td[data-v], the value of a cell whose text does not compare, empty for
// NULL; the word Total in the foot; the <title> of the shapes in a chart. Every text
// that it shows was text before: no markup is made of any.
'use strict';
(() => {
// Rows that are laid out at once; a browser needs a minute for a table of 100,000.
const STEP = 500;
const PAUSE = 150; // ms after the last key until a search begins
const SLICE = 25;  // ms of work until the page may move again

const put = (tag, attributes, ...children) => {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
	node.append(...children);
	return node;
};
const count = n => n.toLocaleString('en');
const words = new Intl.Collator(document.documentElement.lang || undefined);

// ---- long work stops now and then, so that the page never stands still ----

let until = 0, steps = 0;
const late = () => (++steps & 63) === 0 && performance.now() > until;
const pause = () => new Promise(done => setTimeout(() => {
	until = performance.now() + SLICE;
	done();
}));
async function merged(a, b, compare) {
	const all = [];
	let i = 0, k = 0;
	while (i < a.length && k < b.length) {
		all.push(compare(a[i], b[k]) <= 0 ? a[i++] : b[k++]);
		if (late()) await pause();
	}
	return all.concat(a.slice(i), b.slice(k));
}
async function sorted(list, compare) {
	let runs = [];
	for (let i = 0; i < list.length; i += 1000) {
		runs.push(list.slice(i, i + 1000).sort(compare));
		if (performance.now() > until) await pause();
	}
	while (runs.length > 1) {
		const next = [];
		for (let i = 0; i < runs.length; i += 2)
			next.push(i + 1 < runs.length ? await merged(runs[i], runs[i + 1], compare) : runs[i]);
		runs = next;
	}
	return runs[0] || [];
}

// ---- comparing: each kind has a key, a number, and decides between equal ones ----

// NaN comes last, as PostgreSQL has it.
const order = (a, b) => a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.isNaN(a) - Number.isNaN(b);
// Digits that a number of JavaScript does not hold decide between a and b.
function digits(a, b) {
	const parts = text => /^-?0*(\d*)\.?(\d*?)0*$/.exec(text) || ['', '', ''];
	const [, whole, part] = parts(a), [, other, rest] = parts(b);
	const more = whole.length - other.length || order(whole, other) || order(part, rest);
	return a.startsWith('-') ? -more : more;
}
// Seconds; beside them stand the digits after the point.
const MOMENT = /^(?:(\d+)-(\d\d)-(\d\d))? ?(?:(\d\d):(\d\d):(\d\d)(\.\d+)?)?(?:([+-])(\d\d):?(\d\d)?:?(\d\d)?)?( BC)?$/;
function seconds(text) {
	const m = MOMENT.exec(text);
	if (!m) return Number(text.replace('infinity', 'Infinity'));
	const n = i => Number(m[i] || 0), month = (n(2) + 9) % 12;
	// Days since 1 March of the year 0: a leap day ends its year.
	const year = (m[12] ? 1 - n(1) : n(1)) - (month > 9 ? 1 : 0);
	const days = 365 * year + Math.floor(year / 4) - Math.floor(year / 100)
		+ Math.floor(year / 400) + Math.floor((153 * month + 2) / 5) + n(3);
	const ahead = n(9) * 3600 + n(10) * 60 + n(11);
	return days * 86400 + n(4) * 3600 + n(5) * 60 + n(6) - (m[8] === '-' ? -ahead : ahead);
}
const fraction = text => (MOMENT.exec(text) || [])[7] || '';
const kinds = {
	number: {key: Number, then: digits},
	length: {key: text => Number(text.replace('infinity', 'Infinity')), then: digits},
	moment: {key: seconds, then: (a, b) => order(fraction(a), fraction(b))},
	text: {key: () => 0, then: (a, b) => words.compare(a, b) || order(a, b)},
};
// ---- filters of a column: part of the text, or < <= > >= = and a value ----

const years = text => text.endsWith(' BC') ? '' : text.replace(/^\d+/, year => year.padStart(6, '0'));
function test(kind, wish) {
	const [, sign, rest] = /^\s*(<=|>=|<|>|=)?\s*(.*?)\s*$/s.exec(wish);
	if (sign === '=' && kind === 'text')
		return cell => shown(cell).trim().toLowerCase() === rest.toLowerCase();
	if (!sign || kind === 'text' || kind === 'length')
		return cell => shown(cell).toLowerCase().includes(wish.trim().toLowerCase());
	// A month stands for all of its days: = finds each of them, > finds the days after the month.
	const text = kind === 'moment';
	const limit = text ? years(rest) : Number(rest);
	if (rest === '' || Number.isNaN(limit)) return null;
	return cell => {
		const all = value(cell);
		if (all === '') return false;
		const v = text ? years(all).slice(0, limit.length) : Number(all);
		return sign === '=' ? v === limit : sign === '<' ? v < limit : sign === '>' ? v > limit
			: sign === '<=' ? v <= limit : v >= limit;
	};
}
const shown = cell => cell.textContent;
const value = cell => cell.dataset.v === undefined ? cell.textContent : cell.dataset.v;

// ---- a table ----

function explore(table, charts) {
	const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
	if (rows.length < 2 || heads.length === 0) return null;
	const name = (table.caption ? table.caption.textContent : document.title).trim();
	const all = rows.map((_, i) => i), texts = new Array(rows.length), ranks = [];
	let sequence = all, matches = null, found = all, laid = 0, sorts = 0, searches = 0, timer = 0;

	// -- what is seen --
	function more() {
		body.append(...found.slice(laid, laid += STEP).map(i => rows[i]));
		laid = Math.min(laid, found.length);
		rest.hidden = laid === found.length;
		rest.firstChild.data = `${count(laid)} of ${count(found.length)} rows are shown. `;
	}
	const total = table.tFoot && table.tFoot.querySelector('th, small');
	function say(hidden) {
		status.textContent = !hidden ? '' : `${count(found.length)} of ${count(rows.length)} rows`
			+ (total || charts ? `; ${[total && 'totals', charts && 'charts'].filter(Boolean)
				.join(' and ')} are of all rows` : '');
		if (total)
			total.firstChild.data = hidden ? 'Total of all rows' : 'Total';
		reset.hidden = !hidden && sequence === all;
	}
	function show() {
		found = matches ? sequence.filter(i => matches[i]) : sequence;
		laid = 0;
		body.replaceChildren();
		more();
		say(found.length < rows.length);
	}

	// -- sorting: stable, so what was sorted before decides between equals --
	async function rank(column) {
		const {key, then} = kinds[heads[column].dataset.kind || 'text'];
		const keys = new Map(), places = new Map([['', -1]]), values = [];
		for (const row of rows) {
			const text = value(row.cells[column]);
			values.push(text);
			if (text !== '' && !keys.has(text)) keys.set(text, key(text));
			if (late()) await pause();
		}
		const compare = (a, b) => order(keys.get(a), keys.get(b)) || then(a, b);
		let place = 0, before = null;
		for (const text of await sorted([...keys.keys()], compare)) {
			if (before !== null && compare(before, text) !== 0) place++;
			places.set(before = text, place);
			if (late()) await pause();
		}
		return values.map(text => places.get(text));
	}
	async function sort(column) {
		const head = heads[column], was = head.getAttribute('aria-sort'), mine = ++sorts;
		const next = was === 'ascending' ? 'descending' : was === 'descending' ? 'none' : 'ascending';
		for (const other of heads) other.setAttribute('aria-sort', 'none');
		head.setAttribute('aria-sort', next);
		if (next === 'none') {
			sequence = all;
		} else {
			table.setAttribute('aria-busy', true);
			const r = await (ranks[column] ||= rank(column)), way = next === 'ascending' ? 1 : -1;
			if (mine !== sorts) return;
			// Empty cells are last in both ways.
			sequence = [...sequence].sort((a, b) => r[a] === r[b] ? 0
				: r[a] < 0 ? 1 : r[b] < 0 ? -1 : way * (r[a] - r[b]));
		}
		table.removeAttribute('aria-busy');
		show();
	}

	// -- searching --
	// A word has no line break, so it is never found across two cells.
	function text(i) {
		if (texts[i] !== undefined) return texts[i];
		let all = '';
		for (let cell = rows[i].firstElementChild; cell; cell = cell.nextElementSibling)
			all += '\n' + shown(cell);
		return texts[i] = all.toLowerCase();
	}
	// The texts are got while the reader looks, so that the first search has them.
	async function prepare() {
		for (let i = 0; i < rows.length; i++) {
			text(i);
			if (late()) await pause();
		}
	}
	async function filter() {
		const mine = ++searches;
		const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
		const tests = [];
		fields.forEach((field, column) => {
			const wish = field.value.trim();
			const one = wish && test(heads[column].dataset.kind || 'text', wish);
			field.setCustomValidity(one === null ? 'A number follows < <= > >= and =' : '');
			if (one) tests.push([column, one]);
		});
		let next = null;
		if (wanted.length || tests.length) {
			next = new Uint8Array(rows.length);
			status.textContent = 'Searching …';
			for (let i = 0; i < rows.length; i++) {
				if (late()) await pause();
				if (mine !== searches) return;
				next[i] = wanted.every(word => text(i).includes(word))
					&& tests.every(([column, fits]) => fits(rows[i].cells[column]));
			}
		}
		matches = next;
		hold(next !== null);
		show();
	}
	// The columns keep their widths while rows come and go.
	function hold(on) {
		if (on && heads[0].style.minWidth) return;
		const widths = heads.map(head => on ? head.getBoundingClientRect().width + 'px' : '');
		heads.forEach((head, i) => { head.style.boxSizing = 'border-box'; head.style.minWidth = widths[i]; });
	}

	// -- controls --
	const search = put('input', {type: 'search', placeholder: 'Search', 'aria-label': `Search ${name}`});
	const open = put('button', {type: 'button', 'aria-expanded': 'false'}, 'Filters');
	const reset = put('button', {type: 'button', hidden: ''}, 'Reset');
	const status = put('p', {role: 'status'});
	const next = put('button', {type: 'button'}, 'Show more');
	const rest = put('p', {class: 'more', hidden: ''}, '', next);
	const buttons = [];
	const fields = heads.map(head => {
		const label = head.textContent;
		head.abbr = label;
		head.setAttribute('aria-sort', 'none');
		const button = put('button', {type: 'button', class: 'sort'}, ...head.childNodes);
		const compares = ['number', 'moment'].includes(head.dataset.kind);
		const field = put('input', {type: 'search', hidden: '', 'aria-label': `Filter ${label}`,
			placeholder: 'Filter',
			title: compares ? 'Part of the text, or <, <=, >, >= or = and a value such as '
				+ (head.dataset.kind === 'number' ? '1000' : '2026-03') : 'Part of the text, or = and all of it'});
		buttons.push(button);
		head.append(button, field);
		return field;
	});
	table.tHead.addEventListener('click', event => {
		const button = event.target.closest('.sort');
		if (button) sort(heads.indexOf(button.parentNode));
	});
	const soon = () => { clearTimeout(timer); timer = setTimeout(filter, PAUSE); };
	search.addEventListener('input', soon);
	table.tHead.addEventListener('input', soon);
	open.addEventListener('click', () => {
		const shut = !fields[0].hidden;
		open.setAttribute('aria-expanded', !shut);
		for (const field of fields) {
			field.hidden = shut;
			if (shut) field.value = '';
		}
		if (shut) filter(); else fields[0].focus();
	});
	reset.addEventListener('click', () => {
		search.value = '';
		for (const field of fields) field.value = '';
		for (const head of heads) head.setAttribute('aria-sort', 'none');
		sequence = all;
		sorts++;
		filter();
		search.focus();
	});
	next.addEventListener('click', more);
	new IntersectionObserver(seen => {
		if (!rest.hidden && seen.some(one => one.isIntersecting)) more();
	}, {rootMargin: '800px'}).observe(rest);
	// The name of the table stands above the controls; the caption below them is for the printer.
	if (table.caption) {
		table.setAttribute('aria-label', name);
		table.before(put('h2', {class: 'name'}, name));
	}
	table.before(put('div', {class: 'tools', role: 'search', 'aria-label': name}, search, open, reset, status));
	table.after(rest);
	show();
	prepare();

	return {
		// Printed it is the plain report: all rows, as it had them. With a button in
		// its head, Chromium does not repeat it on each page.
		plain() {
			for (const button of table.querySelectorAll('.sort')) button.replaceWith(...button.childNodes);
			hold(false);
			body.replaceChildren();
			for (const row of rows) body.append(row);
			say(false);
		},
		back() {
			heads.forEach((head, i) => {
				const button = buttons[i];
				button.append(...[...head.childNodes].filter(node => node !== fields[i]));
				head.prepend(button);
			});
			hold(matches !== null);
			show();
		},
	};
}

// ---- charts: the titles of shapes at once, and for those who touch ----

function tips() {
	const texts = new Map(), box = put('div', {id: 'tip', role: 'tooltip', hidden: ''});
	for (const title of document.querySelectorAll('svg .tip > title')) {
		texts.set(title.parentNode, title.textContent);
		title.remove();
	}
	if (texts.size === 0) return;
	document.body.append(box);
	const point = event => {
		const text = texts.get(event.target);
		box.hidden = text === undefined;
		if (box.hidden) return;
		box.textContent = text;
		const {width, height} = box.getBoundingClientRect();
		box.style.left = Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4)) + 'px';
		box.style.top = Math.max(4, event.clientY - height - 12) + 'px';
	};
	document.addEventListener('pointermove', point);
	document.addEventListener('pointerdown', point);
	document.addEventListener('scroll', () => { box.hidden = true; }, {passive: true});
}

document.documentElement.classList.add('loading');
document.addEventListener('DOMContentLoaded', () => {
	const tables = [...document.querySelectorAll('section > table')].map(table =>
		explore(table, table.parentNode.querySelector('figure') !== null)).filter(Boolean);
	document.documentElement.classList.remove('loading');
	addEventListener('beforeprint', () => tables.forEach(one => one.plain()));
	addEventListener('afterprint', () => tables.forEach(one => one.back()));
	tips();
});
})();
