// SPDX-License-Identifier: MIT
// Runs a script with a page of headless Chromium: node browse.js OPTIONS < SCRIPT
// OPTIONS is JSON: modules, url, token, phone, dark. The script may use page, url, token,
// signIn() and until(); what it returns is printed as JSON, with the page's errors.
const [options] = process.argv.slice(2).map(JSON.parse);
const {chromium, devices} = require(options.modules + '/playwright-core');

(async () => {
	const script = await new Promise(done => {
		let text = '';
		process.stdin.on('data', part => { text += part; }).on('end', () => done(text));
	});
	const browser = await chromium.launch({executablePath: '/usr/bin/chromium',
		args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars']});
	const context = await browser.newContext({
		...(options.phone ? devices['Pixel 5'] : {viewport: {width: 1280, height: 900}}),
		colorScheme: options.dark ? 'dark' : 'light', locale: 'en-GB', timezoneId: 'Europe/Berlin'});
	const page = await context.newPage();
	page.setDefaultTimeout(20000);
	const errors = [], elsewhere = [];
	page.on('pageerror', e => errors.push(String(e)));
	page.on('console', m => { if (m.type() === 'error') errors.push(m.text()); });
	page.on('request', r => { if (!r.url().startsWith(options.url)) elsewhere.push(r.url()); });
	const signIn = async () => {
		await page.goto(options.url + '/');
		await page.fill('#token', options.token);
		await page.click('#in button');
		await page.waitForSelector('#tiles .tile');
		await page.waitForSelector('#hours svg');
		await page.waitForSelector('#graph > *');
	};
	// The page's policy forbids what waitForFunction does.
	const until = async condition => {
		for (const end = Date.now() + 20000; !await condition();) {
			if (Date.now() > end)
				throw new Error(`waited for ${condition}`);
			await page.waitForTimeout(50);
		}
	};
	const run = new Function('page', 'url', 'token', 'signIn', 'context', 'until',
		`return (async () => {${script}\n})()`);
	try {
		const result = await run(page, options.url, options.token, signIn, context, until);
		console.log(JSON.stringify({result: result ?? null, errors, elsewhere}));
	} finally {
		await browser.close();
	}
})().catch(e => { console.error(e.stack); process.exit(1); });
