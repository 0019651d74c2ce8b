// SPDX-License-Identifier: GPL-2.0-or-later
// The tabs. A view is drawn when it is shown first.
(() => {
	const views = {
		rules: panel => rulesView.show(panel),
		porting: panel => portingView.show(panel),
		calls: panel => tablesView.showCalls(panel),
		gup: panel => tablesView.showNodes(panel, data.gup, 'Who may pin what'),
		kinds: panel => tablesView.showNodes(panel, data.kinds, 'What user space is told'),
	};
	const names = Object.keys(views);
	const drawn = new Set();

	function select(name) {
		for (const each of names) {
			const tab = document.getElementById(`tab-${each}`);
			tab.setAttribute('aria-selected', String(each === name));
			tab.tabIndex = each === name ? 0 : -1;
			document.getElementById(each).hidden = each !== name;
		}
		if (!drawn.has(name)) views[name](document.getElementById(name));
		drawn.add(name);
	}

	function fromAddress() {
		const name = location.hash.slice(2);
		select(names.includes(name) ? name : names[0]);
	}

	for (const name of names)
		document.getElementById(`tab-${name}`).addEventListener('click', () => {
			history.replaceState(null, '', `#/${name}`);
			select(name);
		});
	document.querySelector('nav').addEventListener('keydown', event => {
		const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
		if (!step) return;
		const now = names.findIndex(name => document.getElementById(`tab-${name}`).tabIndex === 0);
		const tab = document.getElementById(`tab-${names[(now + step + names.length) % names.length]}`);
		tab.click();
		tab.focus();
	});
	window.addEventListener('hashchange', fromAddress);
	document.getElementById('kernels').append(tablesView.kernelsTable());
	document.getElementById('detail').addEventListener('click', event => {
		if (event.target === event.currentTarget) event.target.close(); // beside the dialog
	});
	fromAddress();
})();
