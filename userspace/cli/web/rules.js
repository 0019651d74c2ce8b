// SPDX-License-Identifier: GPL-2.0-or-later
// The matrix: rules by kernels, in areas that open and close.
const rulesView = (() => {
	const filter = {text: '', call: '', kernel: '', status: '', differs: false};
	const open = new Set();
	const MOST_OPENED = 80; // so few rows are opened without being asked
	let table;
	let count;

	function matches(rule) {
		if (filter.call && rule.call !== filter.call) return false;
		if (filter.differs && !differs(rule)) return false;
		if (filter.status || filter.kernel) {
			const where = filter.kernel === '' ? kernels.map((_, index) => index) : [Number(filter.kernel)];
			const wanted = filter.status || 'any';
			if (!where.some(index => wanted === 'any' ? statusOn(rule, index) !== 'none' : statusOn(rule, index) === wanted)) return false;
		}
		return filter.text.toLowerCase().split(/\s+/).every(word => rule.haystack.includes(word));
	}

	function letterOf(rule, kernel) {
		const distinct = behaviours(rule);
		const place = distinct.indexOf(rule.on[kernel]);
		return distinct.length > 1 && place >= 0 ? String.fromCharCode(97 + place) : '';
	}

	function cell(rule, kernel) {
		const status = statusOn(rule, kernel);
		const letter = letterOf(rule, kernel);
		const label = `${rule.id} on ${kernels[kernel].cell}: ${STATUS[status].word}${letter ? ', behaviour ' + letter : ''}`;
		return h('td', {class: status === 'fail' ? 'fail-ground' : null},
			h('button', {tabindex: '-1', 'aria-label': label, title: label, onclick: () => showRule(rule, kernel)},
				h('span', {class: STATUS[status].style}, STATUS[status].glyph), letter ? h('sup', {}, letter) : null));
	}

	function row(rule) {
		return h('tr', {},
			h('th', {scope: 'row'}, breakable(rule.id), rule.contract ? h('span', {class: 'quiet'}, ' ' + rule.contract) : null,
				h('span', {class: 'says'}, rule.says)),
			kernels.map((_, index) => cell(rule, index)));
	}

	function totals(rules, kernel) {
		const counts = {};
		for (const rule of rules) {
			const status = statusOn(rule, kernel);
			counts[status] = (counts[status] || 0) + 1;
		}
		const parts = Object.keys(STATUS).filter(status => counts[status] && status !== 'none')
			.map(status => h('span', {class: STATUS[status].style, title: `${counts[status]} ${STATUS[status].word}`},
				`${STATUS[status].glyph}${counts[status]} `));
		return h('td', {}, parts.length ? parts : h('span', {class: 'none'}, STATUS.none.glyph));
	}

	function area(name, rules, isOpen) {
		const body = h('tbody', {});
		const some = rules.filter(differs).length;
		const toggle = () => {
			if (open.has(name)) open.delete(name);
			else open.add(name);
			const next = area(name, rules, open.has(name));
			body.replaceWith(next);
			next.querySelector('button').focus();
		};
		body.append(h('tr', {class: 'group'},
			h('th', {scope: 'rowgroup'},
				h('button', {tabindex: '-1', 'aria-expanded': String(isOpen), onclick: toggle},
					h('span', {class: 'arrow', 'aria-hidden': 'true'}, isOpen ? '▾' : '▸'), `${name.replaceAll('_', ' ')} `),
				h('span', {class: 'quiet'}, `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}${some ? `, ${some} ${some === 1 ? 'differs' : 'differ'}` : ''}`)),
			kernels.map((_, index) => totals(rules, index))));
		if (isOpen) body.append(...rules.map(row));
		return body;
	}

	function draw() {
		const shown = data.rules.filter(matches);
		const areas = new Map();
		for (const rule of shown) {
			if (!areas.has(rule.area)) areas.set(rule.area, []);
			areas.get(rule.area).push(rule);
		}
		const filtered = shown.length < data.rules.length && shown.length <= MOST_OPENED;
		const bodies = [...areas.keys()].sort().map(name => area(name, areas.get(name), filtered || open.has(name)));
		table.replaceChildren(table.tHead, ...bodies);
		count.textContent = `${shown.length} of ${data.rules.length} rules`;
		const first = table.querySelector('tbody button');
		if (first) first.tabIndex = 0;
	}

	// Arrow keys go from cell to cell: one stop for Tab, not ten thousand.
	function onKey(event) {
		const move = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
		const button = event.target.closest('button');
		if (!move || !button) return;
		event.preventDefault();
		const rows = [...table.rows].filter(each => each.querySelector('button') && each.parentNode !== table.tHead);
		const place = rows.indexOf(button.closest('tr'));
		const next = rows[place + move[0]];
		if (!next) return;
		const column = button.closest('td, th').cellIndex + move[1];
		const target = next.cells[column] && next.cells[column].querySelector('button') || (move[0] ? next.querySelector('button') : null);
		if (target) target.focus();
	}

	function onFocus(event) {
		if (event.target.tagName !== 'BUTTON') return;
		table.querySelectorAll('button[tabindex="0"]').forEach(each => { each.tabIndex = -1; });
		event.target.tabIndex = 0;
	}

	function filters() {
		const set = name => event => {
			filter[name] = event.target.type === 'checkbox' ? event.target.checked : event.target.value;
			draw();
		};
		const calls = [...new Set(data.rules.map(rule => rule.call))].sort();
		const all = isOpen => () => {
			data.rules.forEach(rule => isOpen ? open.add(rule.area) : open.delete(rule.area));
			draw();
		};
		count = h('span', {role: 'status'});
		return [
			h('div', {class: 'filters'},
				h('label', {class: 'wide'}, 'Search', h('input', {type: 'search', placeholder: 'rule, words, source, value', oninput: set('text')})),
				h('label', {}, 'Call or area', h('select', {onchange: set('call')}, options([['', 'all'], ...calls.map(name => [name, name])], ''))),
				h('label', {}, 'Kernel', h('select', {onchange: set('kernel')}, options([['', 'any'], ...kernels.map((kernel, index) => [String(index), kernel.cell])], ''))),
				h('label', {}, 'Status', h('select', {onchange: set('status')}, options([['', 'any'], ...['pass', 'fail', 'expected_fail', 'skip'].map(
					status => [status, `${STATUS[status].glyph} ${STATUS[status].word}`])], ''))),
				h('label', {class: 'check'}, h('input', {type: 'checkbox', onchange: set('differs')}), 'only what differs'),
				h('button', {onclick: all(true)}, 'Open all'), h('button', {onclick: all(false)}, 'Close all')),
			h('p', {class: 'legend'}, count, Object.keys(STATUS).map(statusWords),
				h('span', {}, h('sup', {}, 'a b'), ' kernels with one letter behave alike'),
				h('span', {}, 'arrow keys and Enter open a cell'))];
	}

	function show(panel) {
		for (const rule of data.rules)
			rule.haystack = [rule.id, rule.says, rule.source, rule.contract, JSON.stringify(rule.outcomes)].join(' ').toLowerCase();
		table = h('table', {class: kernels.length > 5 ? 'matrix many' : 'matrix', onkeydown: onKey, onfocusin: onFocus},
			h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'Rule'), kernels.map(kernel => h('th', {scope: 'col'}, h('span', {}, kernel.cell))))));
		panel.append(...filters(), h('div', {class: 'scroll tall'}, table));
		draw();
	}

	// One column for each distinct outcome, and what each observed.
	function observations(rule) {
		const outcomes = behaviours(rule).map(number => rule.outcomes[number]);
		if (!outcomes.length) return null;
		const where = behaviours(rule).map(number => cellNames(rule.on.map((each, index) => each === number ? index : -1).filter(index => index >= 0)));
		const names = [...new Set(outcomes.flatMap(outcome => Object.keys(outcome.observed)))];
		const reasons = names.map(name => [...new Set(outcomes.map(outcome => why(outcome, name)).filter(reason => reason))]);
		const rows = names.map((name, row) => {
			const values = outcomes.map(outcome => outcome.observed[name]);
			const different = values.some(value => !same(value, values[0]));
			return h('tr', {class: different ? 'differs' : null},
				h('th', {scope: 'row'}, different ? '≠ ' : '', name, reasonsAt(reasons, row)),
				values.map((value, index) => h('td', {}, valueText(value),
					outcomes[index].unmet && name in outcomes[index].unmet
						? h('span', {class: 'fail'}, ' ✗ expected ', valueText(outcomes[index].unmet[name])) : null)));
		});
		return h('div', {class: 'scroll'}, h('table', {},
			h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'Observed'),
				where.map((name, index) => h('th', {scope: 'col', style: 'white-space: normal'}, name, h('span', {class: 'status'}, statusWords(outcomes[index].status)))))),
			h('tbody', {}, rows)));
	}

	function showRule(rule) {
		const groups = grouped(rule.on.map((_, index) => {
			const outcome = outcomeOn(rule, index);
			return outcome ? [outcome.status, outcome.reason || ''] : ['none', ''];
		}));
		showDetail(rule.id,
			h('p', {}, rule.says),
			h('dl', {},
				rule.contract ? [h('dt', {}, 'Contract'), h('dd', {}, rule.contract)] : null,
				h('dt', {}, 'Kernel source'), h('dd', {}, h('code', {}, rule.source || 'not given')),
				h('dt', {}, 'The rule'), h('dd', {}, h('code', {}, rule.at)),
				h('dt', {}, 'Call or area'), h('dd', {}, h('code', {}, rule.call)),
				rule.varies.length ? [h('dt', {}, 'Left out'), h('dd', {}, `differs from run to run: ${rule.varies.join('; ')}`)] : null,
				groups.map(([[status, reason], indices]) => [h('dt', {}, statusWords(status)),
					h('dd', {}, cellNames(indices), reason ? h('span', {class: 'quiet'}, `: ${reason}`) : null)])),
			observations(rule));
	}

	return {show, showRule};
})();
