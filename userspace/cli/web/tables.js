// SPDX-License-Identifier: GPL-2.0-or-later
// The tables: the kernels, how each has the calls, who may pin what, what user space is told.
const tablesView = (() => {
	const VERDICT = {yes: ['✓', 'yes'], no: ['✗', 'none'], partly: ['≈', 'partly'], told: ['', ''], 'not tried': ['·', 'untried']};

	function steps(kernel) {
		const one = (good, bad, verdict) => verdict === 'pass' ? h('span', {class: 'pass'}, `✓ ${good} `)
			: verdict === 'skip' ? h('span', {class: 'skip'}, `– ${bad} `) : h('span', {class: 'fail'}, `✗ ${bad} `);
		return [kernel.build !== null ? one('built', 'not built', kernel.build) : null,
			kernel.load !== null ? one('loaded', 'not loaded', kernel.load) : null,
			one('passed', kernel.verdict || 'no verdict', kernel.verdict),
			kernel.reason ? h('span', {class: 'because'}, kernel.reason) : null];
	}

	function kernelsTable() {
		const withCompiler = kernels.some(kernel => kernel.compiler);
		const numbers = ['Hold', 'Fail', 'Known to fail', 'Not run'];
		const head = ['Kernel', 'Verdict', ...numbers, 'Release', 'Machine', 'Flavour', withCompiler ? 'Compiler' : null];
		return h('table', {},
			h('thead', {}, h('tr', {}, head.filter(name => name).map(name => h('th', {scope: 'col', class: numbers.includes(name) ? 'number' : null}, name)))),
			h('tbody', {}, kernels.map(kernel => h('tr', {},
				h('th', {scope: 'row'}, h('b', {}, kernel.cell)), h('td', {}, steps(kernel)),
				['pass', 'fail', 'expected_fail', 'skip'].map(status => h('td', {class: status === 'fail' && kernel.counts.fail ? 'number fail' : 'number'},
					String(kernel.counts[status]))),
				h('td', {}, kernel.release || '—'), h('td', {}, kernel.arch), h('td', {}, kernel.flavour),
				withCompiler ? h('td', {}, kernel.compiler || '—') : null))));
	}

	function showCall(call) {
		showDetail(call.name,
			h('dl', {},
				h('dt', {}, 'Today'), h('dd', {}, h('code', {}, call.today && call.today.length ? call.today.join(', ') : 'the same')),
				call.since ? [h('dt', {}, 'Changed'), h('dd', {}, call.since)] : null,
				call.advice ? [h('dt', {}, 'Use'), h('dd', {}, call.advice)] : null,
				call.route ? [h('dt', {}, 'Reached by'), h('dd', {}, call.route)] : null),
			h('div', {class: 'scroll'}, h('table', {},
				h('thead', {}, h('tr', {}, ['Kernel', 'The call', 'Function that was counted', 'Hits'].map(
					name => h('th', {scope: 'col', class: name === 'Hits' ? 'number' : null}, name)))),
				h('tbody', {}, call.on.map((one, index) => h('tr', {},
					h('th', {scope: 'row'}, kernels[index].cell), h('td', {}, one ? one.is : '—'),
					h('td', {}, one && one.symbol ? [h('code', {}, one.symbol), one.stands_for_it ? ` (${one.stands_for_it})` : ''] : '—'),
					h('td', {class: 'number'}, one && one.hits !== undefined && one.hits !== null ? one.hits.toLocaleString('en') : '—')))))));
	}

	function callCell(call, one, index) {
		const words = !one ? [STATUS.none.glyph, 'none'] : one.absent ? ['– none', 'skip'] : one.barred ? ['– barred', 'skip']
			: one.is === 'there' ? ['✓', 'pass'] : ['→ ' + one.is.slice(3), 'known'];
		const hits = one && one.hits ? h('span', {class: 'quiet'}, ' ' + one.hits.toLocaleString('en')) : null;
		const label = `${call.name} on ${kernels[index].cell}: ${one ? one.is : 'not told'}${one && one.hits ? `, ${one.hits} hits` : ''}`;
		return h('td', {title: label}, h('span', {class: words[1] + ' name'}, words[0]), hits);
	}

	function showCalls(panel) {
		panel.append(
			h('p', {}, 'How each kernel has each call of the family, and how often the rules reached it.'),
			h('p', {class: 'legend'}, h('span', {class: 'pass'}, '✓ there'), h('span', {class: 'known'}, '→ under another name'),
				h('span', {class: 'skip'}, '– none: not there; barred: there, and out of reach'), h('span', {}, 'numbers: hits in one run of the rules')),
			h('div', {class: 'scroll tall', tabindex: '0'}, h('table', {class: 'calls'},
				h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'Call'), kernels.map(kernel => h('th', {scope: 'col'}, kernel.cell)))),
				h('tbody', {}, data.calls.map(call => h('tr', {},
					h('th', {scope: 'row'}, h('button', {class: 'name', onclick: () => showCall(call)}, call.name)),
					call.on.map((one, index) => callCell(call, one, index))))))));
	}

	function cellText(cell) {
		if (!cell) return h('span', {class: 'none'}, '·');
		const [mark, style] = VERDICT[cell.verdict] || ['', ''];
		return h('span', {class: style}, [mark, cell.text === mark ? '' : cell.text].join(' ').trim());
	}

	function showNodeCell(table, node, column, on) {
		showDetail(`${node}: ${column.key}`, h('p', {}, column.meaning),
			h('dl', {}, grouped(on.map(number => number < 0 ? null : table.cells[number])).map(([cell, indices]) => [
				h('dt', {}, cellNames(indices)), h('dd', {}, cellText(cell), cell && cell.remark ? ` ${cell.remark}` : '')])));
	}

	// A table of nodes on one kernel; where another kernel is different, the cell says so.
	function showNodes(panel, table, intro) {
		const place = h('div', {class: 'scroll tall', tabindex: '0'});
		const draw = (first, second) => {
			const cellOf = (on, kernel) => on[kernel] < 0 ? null : table.cells[on[kernel]];
			const one = (node, column, on) => {
				const different = second >= 0 && cellOf(on, first) && cellOf(on, second) && cellOf(on, first).text !== cellOf(on, second).text;
				return h('td', {class: different ? 'different' : null}, h('button', {class: 'plain', onclick: () => showNodeCell(table, node, column, on)},
					cellText(cellOf(on, first)), different ? [' → ', cellText(cellOf(on, second))] : null,
					h('span', {class: 'hidden'}, `${node}, ${column.key}`)));
			};
			place.replaceChildren(h('table', {class: 'nodes'},
				h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'Node'), table.columns.map(column => h('th', {scope: 'col', title: column.meaning}, column.key)))),
				h('tbody', {}, Object.entries(table.nodes).map(([node, row]) => h('tr', {}, h('th', {scope: 'row', class: 'name'}, node),
					row.map((on, index) => one(node, table.columns[index], on)))))));
		};
		const list = kernels.map((kernel, index) => [String(index), kernel.cell]);
		const first = h('select', {}, options(list, list.length ? list[list.length - 1][0] : ''));
		const second = h('select', {}, options([['-1', 'none'], ...list], '-1'));
		const redraw = () => draw(Number(first.value), Number(second.value));
		first.addEventListener('change', redraw);
		second.addEventListener('change', redraw);
		panel.append(h('p', {}, table.title || intro),
			h('div', {class: 'filters'}, h('label', {}, 'Kernel', first), h('label', {}, 'Where it differs on (→)', second)),
			h('p', {class: 'legend'}, h('span', {class: 'yes'}, '✓ worked'), h('span', {class: 'none'}, '✗ refused'), h('span', {class: 'partly'}, '≈ in part'),
				h('span', {}, '· not tried'), h('span', {}, 'a cell tells more')), place);
		redraw();
	}

	return {kernelsTable, showCalls, showNodes, cellText};
})();
