'use strict';
(() => {
const $ = id => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';

// ---- elements: texts are texts, whatever they hold ----

function put(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (name.startsWith('on'))
			node.addEventListener(name.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value === true ? '' : value);
	}
	node.append(...children.flat().filter(c => c !== null && c !== undefined && c !== false));
	return node;
}
const h = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => put(document.createElementNS(SVG, tag), attributes, children);
// The element that had the focus is found again by its name in data-f, and keeps the focus.
function fill(node, ...children) {
	const held = node.contains(document.activeElement) && document.activeElement.dataset.f;
	node.replaceChildren(...children.flat().filter(Boolean));
	if (held) node.querySelector(`[data-f="${CSS.escape(held)}"]`)?.focus({preventScroll: true});
}

// ---- how values are shown ----

const label = r => r.report_key ? `${r.report_name} (${r.report_key})` : r.report_name;
const count = n => n === null || n === undefined ? '–' : n.toLocaleString();
function size(bytes) {
	if (bytes === null || bytes === undefined) return '–';
	const units = ['B', 'kB', 'MB', 'GB', 'TB'];
	let at = 0;
	while (bytes >= 1000 && at < 4) { bytes /= 1000; at++; }
	return `${bytes >= 100 || at === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[at]}`;
}
function took(seconds) {
	if (seconds === null || seconds === undefined) return '–';
	if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
	if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
	if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
	return `${Math.round(seconds / 86400)} d`;
}
const stamp = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'short'});
const hour = new Intl.DateTimeFormat(undefined, {weekday: 'short', hour: '2-digit', minute: '2-digit'});
function when(text) {
	if (!text) return h('span', {class: 'soft'}, '–');
	const at = new Date(text), off = (at - Date.now()) / 1000, ago = took(Math.abs(off));
	return h('time', {datetime: text, title: stamp.format(at)}, off > 0 ? `in ${ago}` : `${ago} ago`);
}
const pill = status => h('span', {class: `pill ${status}`}, status.toLowerCase());
// The advice about an error, by the class of its SQLSTATE.
const advice = [
	['42501', 'Grant the login that the error names what it lacks, then retry.'],
	['42', 'The SQL names something that is not there, or is not SQL: change the report, then run it.'],
	['22', 'A value in the data does not fit: look at the rows or the file, or change the SQL.'],
	['23', 'The data breaks a constraint of a table: look at the rows.'],
	['28', 'The server refuses the login: look at the password or the certificate in the settings.'],
	['3D', 'The database is not there: look at the settings of the source or target.'],
	['08', 'The server cannot be reached: look at the network and the server, then retry.'],
	['53', 'The server has no room (memory, disk, connections): wait or make room, then retry.'],
	['57014', 'It was stopped because it took too long: raise the limit that the error names, or make the SQL cheaper.'],
	['57', 'The server was shut down: retry when it is back.'],
	['40', 'It lost against other transactions: retry.'],
	['25006', 'The SQL writes, but an export only reads: move that to prep_sql.'],
];
function whatToDo(r) {
	const found = advice.find(([state]) => (r.error_sqlstate || '').startsWith(state));
	if (found) return found[1];
	if (r.error_stage === 'publish' || r.error_stage === 'export')
		return 'Look at the place that it writes to: rights, room, network. Then retry.';
	return 'Read the message; when its cause is gone, retry.';
}

// ---- the API ----

let token = sessionStorage.getItem('reportd') || '';
class Refused extends Error {
	constructor(status, answer) {
		super(answer.message || `status ${status}`);
		this.status = status;
		this.hint = answer.hint;
	}
}
// A request without an answer for this many ms has failed: looks come one after the other.
const PATIENCE = 30000;
async function api(path, method = 'GET', body) {
	const stop = new AbortController(), late = setTimeout(() => stop.abort(), PATIENCE);
	let response, text, answer = {};
	try {
		response = await fetch('/api/v1/' + path, {
			method, cache: 'no-store', credentials: 'omit', signal: stop.signal,
			headers: {Authorization: 'Bearer ' + token, ...(body ? {'Content-Type': 'application/json'} : {})},
			body: body ? JSON.stringify(body) : undefined,
		});
		text = await response.text();
	} finally { clearTimeout(late); }
	try { answer = text ? JSON.parse(text) : {}; } catch { /* a proxy's own page */ }
	if (response.ok) return answer;
	if (response.status === 401) signOut('The token is not known (any more).');
	throw new Refused(response.status, answer);
}
function toast(text, bad) {
	const p = h('p', {class: bad ? 'bad' : ''}, text);
	$('toast').append(p);
	setTimeout(() => p.remove(), bad ? 9000 : 4000);
}
function act(text, path, method, body, question) {
	// Resume stands where Pause stood.
	const name = path.replace(/(pause|resume)$/, 'active');
	return h('button', {type: 'button', 'data-f': name, onclick: async event => {
		const button = event.currentTarget;
		// A button with `disabled` would lose the focus.
		if (button.ariaDisabled || question && !confirm(question)) return;
		button.ariaDisabled = 'true';
		try {
			await api(path, method || 'POST', body || {});
			toast(`${text}: done`);
			look(true);
		} catch (e) {
			toast(e.hint ? `${e.message}. ${e.hint}` : e instanceof Refused ? e.message : 'No answer.', true);
		}
		button.ariaDisabled = null;
	}}, text);
}

// ---- now ----

function tile(value, text, to, kind) {
	return h('a', {class: `tile card ${kind || ''}`, href: to}, h('b', {}, value), h('span', {}, text));
}
function runningCard(r) {
	const share = r.last_rows > 0 && r.row_count > 0 ? r.row_count / r.last_rows
		: r.last_seconds > 0 ? r.seconds / r.last_seconds : null;
	const left = share > 0.02 && share < 1 ? ` · about ${took(r.seconds / share - r.seconds)} left` : '';
	return h('article', {class: 'card'},
		h('div', {class: 'row'},
			h('div', {}, h('div', {class: 'name'}, label(r)), h('div', {class: 'soft'}, `${r.owner} · ${r.cancel_requested ? 'being cancelled' : r.stage}${r.attempt > 1 ? ` · attempt ${r.attempt}` : ''}`)),
			may && !r.cancel_requested && act('Cancel', `reports/${r.config_id}/cancel`, 'POST', {}, `Cancel ${label(r)}?`)),
		h('progress', {'aria-label': `progress of ${label(r)}`, ...(share === null ? {} : {max: 1, value: Math.min(share, 0.99)})}),
		h('div', {class: 'soft'}, `${took(r.seconds)} · ${count(r.row_count)} rows · ${size(r.byte_count)}${left}`));
}
let may = false;
function showNow(o) {
	const alive = o.daemons.filter(d => d.alive), workers = alive.reduce((n, d) => n + d.workers, 0);
	const oldest = o.due.reduce((most, d) => Math.max(most, d.seconds), 0);
	may = o.may_submit;
	fill($('tiles'),
		tile(`${o.running.length}/${workers}`, 'workers busy', '#now'),
		tile(count(o.due_count), o.due_count ? `due, for ${took(oldest)}` : 'due', '#now', oldest > 900 ? 'warn' : ''),
		tile(count(o.failed_count), 'failed', '#failures', o.failed_count ? 'bad' : ''),
		tile(count(alive.length), alive.length === 1 ? 'daemon' : 'daemons', '#now', alive.length ? '' : 'bad'),
		tile(count(o.notices.waiting), 'notices waiting', '#now'),
		o.notices.failed > 0 && tile(count(o.notices.failed), 'notices lost today', '#failures', 'bad'));
	fill($('running'), o.running.map(runningCard),
		!o.running.length && h('p', {class: 'soft'}, alive.length ? 'Nothing runs.' : 'No daemon runs: reports wait until one does.'));
	$('due-box').hidden = !o.due_count;
	$('due-h').textContent = `Due: ${count(o.due_count)}`;
	fill($('due'), h('div', {class: 'scroll'}, h('table', {}, h('tbody', {}, o.due.map(d => h('tr', {},
		h('td', {}, h('span', {class: 'name'}, label(d)), h('div', {class: 'soft'}, `${d.owner} · ${d.trigger_type.toLowerCase()} · priority ${d.priority}`)),
		h('td', {class: 'n'}, `waits ${took(d.seconds)}`)))))));
	fill($('failed'), o.failed.map(f => h('article', {class: 'card fail'},
		h('div', {class: 'row'},
			h('div', {}, h('div', {class: 'name'}, label(f)),
				h('div', {class: 'soft'}, `${f.owner} · ${f.error_stage ? `stage ${f.error_stage} · ` : ''}`, when(f.error_timestamp))),
			h('div', {class: 'actions'},
				f.run_id && h('button', {type: 'button', 'data-f': `run ${f.run_id}`, onclick: () => showRun(f.run_id)}, 'Details'),
				may && act('Retry', `reports/${f.config_id}/retry`))),
		h('pre', {}, f.error_message || 'no message'),
		h('p', {class: 'do'}, h('b', {}, 'What to do: '), whatToDo(f)))),
		!o.failed.length && h('p', {class: 'soft'}, 'No report has failed.'));
}

// ---- plots ----

function tip(node, text) {
	const show = event => {
		const t = $('tip');
		t.textContent = text();
		t.hidden = false;
		const x = Math.min(event.clientX + 14, innerWidth - t.offsetWidth - 8);
		t.style.left = `${Math.max(8, x)}px`;
		t.style.top = `${Math.max(8, event.clientY - t.offsetHeight - 12)}px`;
	};
	node.addEventListener('pointermove', show);
	node.addEventListener('pointerleave', () => { $('tip').hidden = true; });
	return node;
}
function showHours(hours) {
	const W = Math.max(300, $('hours').clientWidth), H = 180, L = 40, B = 22, most = Math.max(4, ...hours.map(x => x.completed + x.failed + x.other));
	const step = (W - L) / hours.length, y = n => (H - B) * (1 - n / most) + 2;
	const ticks = [0, most / 2, most].map(Math.round);
	const bars = hours.map((x, i) => {
		let base = 0;
		const parts = [['ok', x.completed], ['un', x.other], ['no', x.failed]].map(([kind, n]) => {
			const from = base;
			base += n;
			return n > 0 && s('rect', {class: kind, x: (L + i * step + step * .14).toFixed(1), width: (step * .72).toFixed(1), y: y(base).toFixed(1), height: Math.max(1, y(from) - y(base) - .5).toFixed(1), rx: 1.5});
		});
		return tip(s('g', {}, s('rect', {x: L + i * step, y: 0, width: step, height: H - B, 'fill-opacity': 0}), parts.filter(Boolean)),
			() => `${hour.format(new Date(x.hour))}\n${count(x.completed)} completed, ${count(x.failed)} failed${x.other ? `, ${count(x.other)} other` : ''}`);
	});
	const all = hours.reduce((n, x) => n + x.completed + x.failed + x.other, 0), bad = hours.reduce((n, x) => n + x.failed, 0);
	fill($('hours'), s('svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': `${all} runs in the last 48 hours, ${bad} of them failed`},
		ticks.map(n => [s('line', {class: 'grid', x1: L, x2: W, y1: y(n), y2: y(n)}), s('text', {x: L - 6, y: y(n) + 4, 'text-anchor': 'end'}, count(n))]).flat(),
		bars, hours.map((x, i) => i % (W > 700 ? 6 : 16) === 2 && s('text', {x: L + (i + .5) * step, y: H - 5, 'text-anchor': 'middle'}, hour.format(new Date(x.hour)))).filter(Boolean)), legend());
}
const legend = () => h('div', {class: 'key'}, h('span', {}, h('i', {class: 'ok'}), 'completed'), h('span', {}, h('i', {class: 'no'}), 'failed'), h('span', {}, h('i', {class: 'un'}), 'other'));
// Points over time on a logarithmic scale with these marks; a failed one is a square.
const times = [.001, .01, .1, 1, 10, 60, 600, 3600, 36000, 360000], sizes = [1, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13];
const mark = {1: '1 s', 10: '10 s', 60: '1 min', 600: '10 min', 3600: '1 h', 36000: '10 h', 360000: '100 h'};
function scatter(node, points, value, scale, show, what) {
	const W = Math.max(300, node.clientWidth), H = 240, L = 58, B = 22;
	points = points.filter(p => value(p) !== null && value(p) > 0);
	if (!points.length) { fill(node, h('p', {class: 'soft'}, 'Nothing to show yet.')); return; }
	const starts = points.map(p => p[2]), from = Math.min(...starts), to = Math.max(...starts, from + 1);
	const values = points.map(value), least = Math.min(...values), most = Math.max(...values);
	const last = scale.findIndex(v => v >= most), end = last < 0 ? scale.length - 1 : Math.max(1, last);
	const begin = Math.max(0, Math.min(end - 1, scale.filter(v => v <= least).length - 1));
	const low = Math.log10(scale[begin]), high = Math.log10(scale[end]);
	const x = t => L + 6 + (W - L - 14) * (t - from) / (to - from), y = v => 6 + (H - B - 12) * (1 - (v - low) / (high - low));
	const marks = [];
	for (const v of scale.slice(begin, end + 1))
		marks.push(s('line', {class: 'grid', x1: L, x2: W, y1: y(Math.log10(v)), y2: y(Math.log10(v))}), s('text', {x: L - 6, y: y(Math.log10(v)) + 4, 'text-anchor': 'end'}, show(v)));
	const kind = p => p[6] === 'COMPLETED' ? 'ok' : p[6] === 'FAILED' || p[6] === 'LOST' ? 'no' : 'un';
	fill(node, s('svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': `${what} of ${points.length} runs; the table of runs has the numbers`}, marks,
		points.map(p => {
			const cx = x(p[2]).toFixed(1), cy = y(Math.log10(value(p))).toFixed(1);
			const at = kind(p) === 'no' ? s('rect', {class: 'dot no', x: cx - 3.2, y: cy - 3.2, width: 6.4, height: 6.4}) : s('circle', {class: `dot ${kind(p)}`, cx, cy, r: 3.4});
			at.addEventListener('click', () => showRun(p[0]));
			return tip(at, () => `${names.get(p[1]) || `report ${p[1]}`}\n${stamp.format(new Date(p[2] * 1000))}\n${took(p[3])}, ${count(p[4])} rows, ${size(p[5])}`);
		}),
		s('text', {x: L, y: H - 4}, stamp.format(new Date(from * 1000))), s('text', {x: W, y: H - 4, 'text-anchor': 'end'}, stamp.format(new Date(to * 1000)))));
}
const names = new Map();

// ---- tables ----

let filter = null;
// As many rows as are shown stay when a list is shown anew.
const enough = list => Math.min(500, Math.max(25, list.children.length));
const runName = r => h('button', {class: 'link', type: 'button', 'data-f': `run ${r.run_id}`, onclick: () => showRun(r.run_id)}, label(r));
function runRow(r) {
	names.set(r.config_id, label(r));
	return h('tr', {}, h('td', {}, runName(r), h('div', {class: 'soft'}, `${r.owner || ''}${r.attempt > 1 ? ` · attempt ${r.attempt}` : ''}`)),
		h('td', {class: 't'}, when(r.started_at)), h('td', {class: 'n', 'data-l': 'took'}, took(r.seconds)),
		h('td', {class: 'n', 'data-l': 'rows'}, count(r.row_count)), h('td', {class: 'n', 'data-l': 'size'}, size(r.byte_count)),
		h('td', {class: 'res'}, pill(r.status), ' ', r.score !== null && h('span', {class: 'soft', title: 'score of its checks'}, `score ${r.score} `), r.error_message ? h('div', {class: 'err'}, r.error_message) : r.remark && h('span', {class: 'soft'}, r.remark)));
}
async function showRuns(more) {
	const page = await api(`runs?limit=${more ? 25 : enough($('last'))}${filter ? `&report=${filter.id}` : ''}${more ? `&before=${more}` : ''}`);
	const rows = page.items.map(runRow);
	if (more) $('last').append(...rows);
	else fill($('last'), rows.length ? rows : h('tr', {}, h('td', {class: 'soft', colspan: 6}, 'Nothing has run yet.')));
	$('last-more').hidden = page.next === null;
	$('last-more').onclick = () => showRuns(page.next).catch(complain);
}
function only(report) {
	filter = report;
	$('only').hidden = !report;
	$('only-name').textContent = report ? report.name : '';
	slow().catch(complain);
	if (report) $('activity').scrollIntoView();
}
function reportRow(r) {
	names.set(r.config_id, label(r));
	const id = r.config_id, plan = r.trigger_type === 'SCHEDULED' ? `${r.schedule_expression} · ${r.time_zone}`
		: r.trigger_type === 'AFTER' ? `after ${r.run_after.join(', ')}` : r.trigger_type === 'FILE' ? 'for each file' : 'once';
	return h('tr', {}, h('td', {}, h('button', {class: 'link', type: 'button', 'data-f': `report ${id}`, title: 'Show its runs', onclick: () => only({id, name: label(r)})}, label(r)), h('div', {class: 'soft'}, r.owner)),
		h('td', {}, h('span', {class: 'soft'}, plan)), h('td', {class: 't'}, r.is_active ? when(r.next_run_time) : h('span', {class: 'pill'}, 'paused')),
		h('td', {}, pill(r.status)),
		h('td', {class: 'act'}, may && h('div', {class: 'actions'},
			r.is_active && act('Run now', `reports/${id}/run`),
			r.status === 'FAILED' && act('Retry', `reports/${id}/retry`),
			r.is_active ? act('Pause', `reports/${id}/pause`) : act('Resume', `reports/${id}/resume`))));
}
async function showReports(more) {
	const q = $('q').value.trim();
	const page = await api(`reports?limit=${more ? 25 : enough($('list'))}${q ? `&q=${encodeURIComponent(q)}` : ''}${more ? `&after=${more}` : ''}`);
	if (q !== $('q').value.trim()) return;
	const rows = page.items.map(reportRow);
	if (more) $('list').append(...rows);
	else fill($('list'), rows.length ? rows : h('tr', {}, h('td', {class: 'soft', colspan: 5}, q ? 'No report of that name.' : 'There are no reports yet.')));
	$('list-more').hidden = page.next === null;
	$('list-more').onclick = () => showReports(page.next).catch(complain);
}
function showSchedules(list) {
	fill($('next'), list.length ? h('table', {}, h('thead', {}, h('tr', {}, ['Next', 'Report', 'Schedule', 'In its own zone'].map(t => h('th', {}, t)))),
		h('tbody', {}, list.map(r => h('tr', {}, h('td', {class: 't'}, when(r.next_run_time)),
			h('td', {}, h('span', {class: 'name'}, label(r)), r.run_after && h('div', {class: 'soft'}, `waits for ${r.run_after.join(', ')}`)),
			h('td', {}, h('code', {}, r.schedule_expression)), h('td', {class: 't soft'}, `${r.local || ''} ${r.time_zone}`)))))
		: h('p', {class: 'none'}, 'No schedules.'));
}

// ---- dependencies: a column for each step ----

function showGraph(list) {
	if (!list.length) { fill($('graph'), h('p', {class: 'none'}, 'No report waits for another one.')); return; }
	const byId = new Map(list.map(n => [n.config_id, n])), depth = new Map();
	const level = (id, seen = 0) => {
		if (depth.has(id)) return depth.get(id);
		const parents = byId.get(id).parents.filter(p => byId.has(p));
		const d = seen > 500 || !parents.length ? 0 : 1 + Math.max(...parents.map(p => level(p, seen + 1)));
		depth.set(id, d);
		return d;
	};
	const columns = [];
	list.forEach(n => (columns[level(n.config_id)] ||= []).push(n));
	const W = 210, H = 50, X = 70, Y = 18, place = new Map();
	columns.forEach((column, i) => {
		const middle = n => {
			const rows = n.parents.filter(p => place.has(p)).map(p => place.get(p).row);
			return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : 1e9;
		};
		if (i) column.sort((a, b) => middle(a) - middle(b));
		column.forEach((n, row) => place.set(n.config_id, {x: i * (W + X), y: row * (H + Y), row}));
	});
	const width = columns.length * (W + X) - X, height = Math.max(...columns.map(c => c.length)) * (H + Y) - Y;
	const cut = text => text.length > 27 ? text.slice(0, 26) + '…' : text;
	fill($('graph'), s('svg', {viewBox: `-2 -2 ${width + 4} ${height + 4}`, width: width + 4, height: height + 4, role: 'img',
			'aria-label': list.map(n => `${label(n)}${n.parents.length ? ` runs after ${n.parents.map(p => byId.has(p) ? byId.get(p).report_name : p).join(' and ')}` : ''}`).join('; ')},
		list.flatMap(n => n.parents.filter(p => place.has(p)).map(p => {
			const a = place.get(p), b = place.get(n.config_id), x1 = a.x + W, y1 = a.y + H / 2, x2 = b.x - 7, y2 = b.y + H / 2, m = (x1 + x2) / 2;
			return s('g', {}, s('path', {class: 'edge', d: `M${x1} ${y1}C${m} ${y1} ${m} ${y2} ${x2} ${y2}`}), s('path', {class: 'arrow', d: `M${x2 + 7} ${y2}l-8 -4v8z`}));
		})),
		list.map(n => {
			const at = place.get(n.config_id);
			const node = s('g', {class: `node ${n.status}`, transform: `translate(${at.x} ${at.y})`},
				s('rect', {width: W, height: H, rx: 9}), s('text', {x: 12, y: 21}, cut(n.report_name)),
				s('text', {class: 's', x: 12, y: 38}, `${n.report_key || n.config_id} · ${n.is_active ? n.status.toLowerCase() : 'paused'}`), s('title', {}, label(n)));
			node.addEventListener('click', () => only({id: n.config_id, name: label(n)}));
			return node;
		})));
}

// ---- one run ----

async function showRun(id) {
	try {
		const r = await api(`runs/${id}`);
		const line = (name, value) => value !== null && value !== undefined && value !== '' && [h('dt', {}, name), h('dd', {}, value)];
		const files = (r.outputs || []).map(o => o.url).filter(Boolean);
		fill($('run-body'), h('h2', {id: 'run-h'}, label(r), ' ', pill(r.status)),
			r.error_message && h('pre', {}, r.error_message),
			r.error_message && h('p', {class: 'do'}, h('b', {}, 'What to do: '), whatToDo(r)),
			h('dl', {}, [line('Run', String(r.run_id)), line('Report', String(r.config_id)), line('Request', r.request_id && String(r.request_id)), line('Owner', r.owner),
				line('Attempt', String(r.attempt)), line('For', stamp.format(new Date(r.scheduled_for))), line('Started', stamp.format(new Date(r.started_at))),
				line('Took', took(r.seconds)), line('Stages', Object.entries(r.stage_ms || {}).map(([name, ms]) => `${name} ${took(ms / 1000)}`).join(', ')), line('Rows', count(r.row_count)), line('Size', size(r.byte_count)),
				line('Stage', r.error_stage), line('SQLSTATE', r.error_sqlstate), line('Outputs', (files.length ? files : [r.output_url]).filter(Boolean).join('\n')),
				line('SHA-256', r.sha256), line('Remark', r.remark), line('Score', r.score === null ? null : `${r.score} of 100`),
				...r.checks.map(c => line(`Check ${c.name}`, `${c.status}${c.failures ? `: ${count(c.failures)}${c.total ? ` of ${count(c.total)}` : ''} fail` : ''}${c.message ? ` (${c.message})` : ''}`)),
				line('Notices', r.notices.map(n => `${n.channel} ${n.recipient}: ${n.state.toLowerCase()}${n.last_error ? ` (${n.last_error})` : ''}`).join('\n'))].filter(Boolean).flat()));
		$('run').showModal();
	} catch (e) { complain(e); }
}

// ---- looking again ----

function complain(e) {
	if (e instanceof Refused && e.status === 401) return;
	$('state').className = 'bad';
	$('state').textContent = e instanceof Refused ? e.message : 'no answer; trying on';
	// The next look shows all anew.
	slowAt = 0;
}
let timer = 0, slowAt = 0, busy = false, wanted = false, plot = () => {}, resized = 0;
async function slow() {
	slowAt = Date.now();
	const [hours, points, schedules, chains] = await Promise.all([api('hours'), api(`points?limit=${filter ? 1000 : 500}${filter ? `&report=${filter.id}` : ''}`),
		api('schedules?limit=20'), api('dependencies'), showRuns(), showReports()]);
	plot = () => {
		showHours(hours);
		scatter($('took'), points, p => Math.max(p[3], .001), times, v => mark[v] || took(v), 'Durations');
		scatter($('size'), points, p => p[5], sizes, v => size(v).replace('.0', ''), 'Sizes');
	};
	plot();
	$('plot-note').textContent = filter ? `Points: ${filter.name} alone, the last ${points.length} runs.` : points.length ? `Points: the last ${points.length} runs; a click shows one.` : '';
	showSchedules(schedules);
	showGraph(chains);
}
// Looks once; what asks while a look is under way gets a look of its own right after it.
async function look(everything) {
	clearTimeout(timer);
	wanted ||= Boolean(everything);
	if (busy) return;
	let wait = 5000;
	if (token && !document.hidden) {
		busy = true;
		try {
			const o = await api('overview?watch=1');
			showNow(o);
			if (o.running.length) wait = 2000;
			if (wanted || Date.now() - slowAt > 30000) {
				wanted = false;
				await slow();
			}
			$('state').className = '';
			$('state').textContent = o.role;
			if (wanted) wait = 0;
		} catch (e) { complain(e); }
		busy = false;
	}
	if (token) timer = setTimeout(look, wait);
}
function show() {
	$('in').hidden = Boolean(token);
	$('all').hidden = $('nav').hidden = $('out').hidden = !token;
	if (token) look(true);
	else { clearTimeout(timer); $('state').textContent = ''; $('token').focus(); }
}
function signOut(why) {
	token = '';
	sessionStorage.removeItem('reportd');
	$('in-error').textContent = typeof why === 'string' ? why : '';
	$('all').querySelectorAll('tbody, #running, #failed, #due, #graph, #next, #hours, #took, #size, #tiles').forEach(n => fill(n));
	show();
}
$('in').addEventListener('submit', event => {
	event.preventDefault();
	token = $('token').value.trim();
	if ($('keep').checked) sessionStorage.setItem('reportd', token);
	$('token').value = '';
	$('in-error').textContent = '';
	show();
});
$('out').addEventListener('click', () => signOut());
$('only-off').addEventListener('click', () => only(null));
let typing = 0;
$('q').addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(() => showReports().catch(complain), 250); });
document.addEventListener('keydown', event => {
	if (event.key === '/' && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName) && token) {
		event.preventDefault();
		$('q').focus();
	}
});
addEventListener('resize', () => { clearTimeout(resized); resized = setTimeout(() => plot(), 150); });
document.addEventListener('visibilitychange', () => { if (!document.hidden && token) look(); });
show();
})();
