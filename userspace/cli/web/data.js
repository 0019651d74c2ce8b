// SPDX-License-Identifier: GPL-2.0-or-later
// The data of the page, and what all views use.
//
//   kernels  [{cell, release, ..., counts, probes}]
//   rules    [{id, node, rule, says, source, area, call, outcomes: [{status, observed, ...}], on: [number of an outcome or -1]}]
//   calls    [{name, today, since, advice, on: [{is, symbol, hits} or null]}]
//   gup, kinds   {columns, cells: [{verdict, text, remark}], nodes: {NODE: [for each column [number of a cell or -1]]}}
//
// Each "on" has one entry for each kernel, in the order of kernels.
const data = JSON.parse(document.getElementById('data').textContent);
const kernels = data.kernels;

const STATUS = {
	pass: {glyph: '✓', word: 'holds', style: 'pass'},
	fail: {glyph: '✗', word: 'fails', style: 'fail'},
	expected_fail: {glyph: '≈', word: 'fails, as is known', style: 'known'},
	skip: {glyph: '–', word: 'not run', style: 'skip'},
	none: {glyph: '·', word: 'no result', style: 'none'},
};

// h('td', {class: 'x', onclick: f}, 'text', child, [more children])
function h(tag, attributes, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes || {})) {
		if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
		else if (value === true) element.setAttribute(name, '');
		else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
	}
	element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== ''));
	return element;
}

function options(values, chosen) {
	return values.map(([value, text]) => h('option', {value, selected: value === chosen}, text));
}

function glyph(status) {
	const {glyph, word, style} = STATUS[status];
	return [h('span', {class: style, 'aria-hidden': 'true'}, glyph), h('span', {class: 'hidden'}, word)];
}

function statusWords(status) {
	const {glyph, word, style} = STATUS[status];
	return h('span', {class: style}, glyph + ' ' + word);
}

// The outcome of a rule on a kernel; null: its results do not have the rule.
function outcomeOn(rule, kernel) {
	const number = rule.on[kernel];
	return number < 0 ? null : rule.outcomes[number];
}

function statusOn(rule, kernel) {
	const outcome = outcomeOn(rule, kernel);
	return outcome ? outcome.status : 'none';
}

function ran(outcome) {
	return outcome !== null && outcome.status !== 'skip';
}

// The numbers of the outcomes that tell of a run.
function behaviours(rule) {
	return [...new Set(rule.on)].filter(number => number >= 0 && ran(rule.outcomes[number]));
}

function differs(rule) {
	return behaviours(rule).length > 1;
}

function same(left, right) {
	return JSON.stringify(left) === JSON.stringify(right);
}

// '*' of a shell's pattern is all that rules use.
function globMatches(glob, name) {
	if (!/[*?]/.test(glob)) return glob === name;
	const pattern = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.');
	return new RegExp(`^${pattern}$`, 's').test(name);
}

// Why an observation is as it is on that kernel; '' if the rule does not say.
function why(outcome, observation) {
	const because = outcome.because || {};
	if (observation in because) return because[observation];
	const glob = Object.keys(because).find(each => globMatches(each, observation));
	return glob ? because[glob] : '';
}

// A long name may break after a dot or an underscore.
function breakable(name) {
	return h('span', {class: 'name'}, name.split(/(?<=[._])/).flatMap(part => [part, h('wbr')]));
}

// The reasons of a list's entry, where the next entry has others: what several share is told once, below the last.
function reasonsAt(list, index) {
	if (index + 1 < list.length && same(list[index + 1], list[index])) return null;
	return list[index].map(reason => h('span', {class: 'because'}, `because ${reason}`));
}

function valueText(value) {
	if (value === undefined) return h('span', {class: 'quiet', title: 'not observed there'}, '—');
	const text = typeof value === 'string' ? value : JSON.stringify(value);
	return text.includes('\n') ? h('pre', {}, text) : h('span', {class: 'value'}, text === '' ? '""' : text);
}

// For each distinct entry of the list, where it is: [[entry, [indices]]].
function grouped(list) {
	const groups = [];
	list.forEach((entry, index) => {
		const known = groups.find(([other]) => same(other, entry));
		if (known) known[1].push(index);
		else groups.push([entry, [index]]);
	});
	return groups;
}

function cellNames(indices) {
	return indices.map(index => kernels[index].cell).join(', ');
}

// Shows elements in the dialog; Escape and the button close it, and the focus goes back.
function showDetail(title, ...content) {
	const dialog = document.getElementById('detail');
	dialog.replaceChildren(
		h('button', {class: 'close', onclick: () => dialog.close()}, 'Close'),
		h('h2', {id: 'detail-title'}, title), ...content);
	dialog.showModal();
	dialog.scrollTop = 0;
}
