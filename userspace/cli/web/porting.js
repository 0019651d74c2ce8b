// SPDX-License-Identifier: GPL-2.0-or-later
// From one kernel to another: which calls are gone and what replaces them, and which behaviours differ.
const portingView = (() => {
	// What of a rule differs between two of its outcomes, judged as cli/difference.cpp does.
	function differences(rule, from, to) {
		const list = [];
		if (from.status !== to.status)
			list.push({what: 'the rule', values: [STATUS[from.status].word, STATUS[to.status].word], reasons: [from.reason, to.reason].filter(reason => reason),
				foreseen: from.status !== 'fail' && to.status !== 'fail'});
		for (const name of new Set([...Object.keys(from.observed), ...Object.keys(to.observed)])) {
			const values = [from.observed[name], to.observed[name]];
			if (same(...values)) continue;
			const unmet = [from, to].some(outcome => outcome.status === 'fail' && outcome.unmet && name in outcome.unmet);
			const unjudged = [from, to].some(outcome => (outcome.unjudged || []).includes(name));
			const reasons = [...new Set([from, to].map(outcome => outcome.status === 'expected_fail' ? outcome.reason : why(outcome, name))
				.filter(reason => reason))];
			list.push({what: name, values, reasons, unjudged, foreseen: !unmet && (reasons.length > 0 || !unjudged),
				unmet, oneSided: values.includes(undefined)});
		}
		// What follows from a difference whose reason the rule knows.
		const known = [...new Set(list.filter(each => each.foreseen).flatMap(each => each.reasons))];
		for (const each of list)
			if (known.length && !each.reasons.length && !each.unmet && (!each.unjudged || each.oneSided)) {
				each.reasons = known;
				each.foreseen = true;
			}
		return list;
	}

	const WAYS = [
		['as many pages', (value, page, other, otherPage) => value * otherPage === other * page],
		['as many bytes, in pages', (value, page, other, otherPage) => value * page === other * otherPage],
		['the same byte of the same page', (value, page, other, otherPage) =>
			Math.floor(value / page) === Math.floor(other / otherPage) && value % page === other % otherPage],
	];

	// As cli/page_size.cpp does.
	function explainByPageSize(list, from, to) {
		const pages = [from, to].map(kernel => kernels[kernel].page);
		for (const each of list) {
			if (!each.foreseen || each.reasons.length || !pages.every(page => page) || !each.values.every(value => value > 0)) continue;
			const way = WAYS.find(([, holds]) => holds(each.values[0], pages[0], each.values[1], pages[1]));
			if (way) each.reasons = [`the size of a page: ${way[0]}`];
		}
		return list;
	}

	// The same differences of a rule on several nodes are one entry.
	function behaviour(from, to) {
		const entries = new Map();
		const add = (rule, list, foreseen) => {
			if (!list.length) return;
			const name = rule.node ? rule.rule : rule.id;
			const key = JSON.stringify([name, rule.says, foreseen, list]);
			if (!entries.has(key)) entries.set(key, {name, rule, nodes: [], list, foreseen});
			if (rule.node) entries.get(key).nodes.push(rule.node);
		};
		for (const rule of data.rules) {
			const left = outcomeOn(rule, from);
			const right = outcomeOn(rule, to);
			if (!ran(left) || !ran(right) || rule.on[from] === rule.on[to]) continue;
			const all = explainByPageSize(differences(rule, left, right), from, to);
			add(rule, all.filter(each => !each.foreseen), false);
			add(rule, all.filter(each => each.foreseen), true);
		}
		return [...entries.values()];
	}

	function pairTable(rows, from, to, first) {
		return h('div', {class: 'scroll'}, h('table', {class: 'pair'},
			h('thead', {}, h('tr', {}, [first, kernels[from].cell, kernels[to].cell].map(name => h('th', {scope: 'col'}, name)))),
			h('tbody', {}, rows)));
	}

	function block(entry, from, to) {
		const {rule, nodes, list} = entry;
		const reasons = list.map(each => each.reasons);
		const title = nodes.length === 1 ? rule.id : nodes.length ? `${entry.name} on ${nodes.join(', ')}` : entry.name;
		const rows = list.map((each, index) => h('tr', {},
			h('th', {scope: 'row'}, each.what, reasonsAt(reasons, index)),
			each.values.map(value => h('td', {}, valueText(value)))));
		return h('div', {class: entry.foreseen ? 'block' : 'block alarm'},
			h('p', {}, breakable(title), rule.contract ? h('span', {class: 'quiet'}, ` ${rule.contract}`) : null),
			h('p', {}, rule.says, ' ', h('span', {class: 'quiet'}, 'Kernel source: ', h('code', {}, rule.source))),
			pairTable(rows, from, to, 'Observed'));
	}

	function calls(from, to) {
		const rows = data.calls.filter(call => call.on[from] && call.on[to] && call.on[from].is !== call.on[to].is).map(call => h('tr', {},
			h('th', {scope: 'row'}, h('span', {class: 'name'}, call.name),
				call.since ? h('span', {class: 'because'}, call.since) : null, call.advice ? h('span', {class: 'because'}, call.advice) : null,
				call.today && call.today.length ? h('span', {class: 'because'}, 'today: ', h('code', {}, call.today.join(', '))) : null),
			[from, to].map(kernel => h('td', {}, call.on[kernel].is))));
		return rows.length ? pairTable(rows, from, to, 'Call') : h('p', {class: 'quiet'}, 'Each call is there, or not, on both alike.');
	}

	function probes(from, to) {
		const [left, right] = [kernels[from].probes, kernels[to].probes];
		const names = Object.keys(left).filter(name => name in right && left[name] !== right[name]);
		if (!names.length) return h('p', {class: 'quiet'}, 'No probe tells them apart.');
		return pairTable(names.map(name => h('tr', {}, h('th', {scope: 'row', class: 'name'}, name),
			[left, right].map(each => h('td', {}, each[name] ? '✓ yes' : '– no')))), from, to, 'Probe');
	}

	function cells(table, from, to) {
		const entries = new Map();
		for (const [node, row] of Object.entries(table.nodes))
			row.forEach((on, index) => {
				const [left, right] = [from, to].map(kernel => on[kernel] < 0 ? null : table.cells[on[kernel]]);
				if (!left || !right || left.text === right.text) return;
				const key = JSON.stringify([index, left.text, right.text]);
				if (!entries.has(key)) entries.set(key, {column: table.columns[index], left, right, nodes: []});
				entries.get(key).nodes.push(node);
			});
		if (!entries.size) return h('p', {class: 'quiet'}, 'The same on both.');
		return pairTable([...entries.values()].map(entry => h('tr', {},
			h('th', {scope: 'row'}, h('span', {class: 'name'}, entry.column.key), h('span', {class: 'because'}, entry.column.meaning),
				h('span', {class: 'because'}, entry.nodes.join(', '))),
			[entry.left, entry.right].map(cell => h('td', {}, tablesView.cellText(cell), cell.remark ? h('span', {class: 'because'}, cell.remark) : null)))), from, to, 'Column');
	}

	function unrun(from, to) {
		const reasons = new Map();
		for (const rule of data.rules) {
			const [left, right] = [outcomeOn(rule, from), outcomeOn(rule, to)];
			if (ran(left) === ran(right)) continue;
			const other = ran(left) ? right : left;
			const key = `on ${kernels[ran(left) ? from : to].cell} only: ${other ? other.reason : 'the other results do not have it'}`;
			if (!reasons.has(key)) reasons.set(key, []);
			reasons.get(key).push(rule.id);
		}
		if (!reasons.size) return h('p', {class: 'quiet'}, 'Both ran the same rules.');
		return [...reasons].map(([reason, ids]) => h('details', {}, h('summary', {}, `${ids.length} ${reason}`), h('p', {class: 'name'}, ids.join(', '))));
	}

	// The calls of the family as the reach table has them, then areas.
	function inOrder(names) {
		const place = name => {
			const index = data.calls.findIndex(call => call.name === name);
			return index < 0 ? data.calls.length : index;
		};
		return names.sort((left, right) => place(left) - place(right) || left.localeCompare(right));
	}

	function draw(place, from, to) {
		const entries = behaviour(from, to);
		const odd = entries.filter(entry => !entry.foreseen);
		const byCall = new Map();
		for (const entry of entries.filter(each => each.foreseen)) {
			const named = entry.nodes.length > 1 && !entry.rule.named ? entry.rule.area : entry.rule.call;
			if (!byCall.has(named)) byCall.set(named, []);
			byCall.get(named).push(entry);
		}
		place.replaceChildren(...[
			h('p', {}, `${byCall.size} calls or areas behave differently, in ${entries.length - odd.length} ways that the rules expect and ${odd.length} that none does.`),
			odd.length ? [h('h2', {class: 'fail'}, '✗ No rule expected these'), odd.map(entry => block(entry, from, to))] : null,
			h('h2', {}, 'Calls'), calls(from, to),
			h('h2', {}, 'Behaviour'),
			byCall.size ? inOrder([...byCall.keys()]).map(name => [h('h3', {}, name), byCall.get(name).map(entry => block(entry, from, to))])
				: h('p', {class: 'quiet'}, 'No rule observed a difference that it expects.'),
			h('h2', {}, 'Who may pin what'), cells(data.gup, from, to),
			h('h2', {}, 'What user space is told'), cells(data.kinds, from, to),
			h('h2', {}, 'Probes of the module’s build'), probes(from, to),
			h('h2', {}, 'Rules that ran on one of them only'), unrun(from, to)].flat(Infinity).filter(each => each));
	}

	function show(panel) {
		const place = h('div', {});
		const list = kernels.map((kernel, index) => [String(index), kernel.cell]);
		const from = h('select', {}, options(list, '0'));
		const to = h('select', {}, options(list, String(kernels.length - 1)));
		const redraw = () => draw(place, Number(from.value), Number(to.value));
		from.addEventListener('change', redraw);
		to.addEventListener('change', redraw);
		panel.append(h('p', {}, 'What a driver that works on one kernel meets on the other.'),
			h('div', {class: 'filters'}, h('label', {}, 'From', from), h('label', {}, 'To', to)), place);
		redraw();
	}

	return {show};
})();
