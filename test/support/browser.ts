import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** Chromium as `$MGPU_CHROMIUM` or PATH has it; null: there is none. */
export const CHROMIUM = chromiumPath();

/** Said instead of a test that is not run. */
export const WHY_SKIPPED = 'no Chromium: the dashboard is not looked at (apt-get install chromium, or set MGPU_CHROMIUM)';

/** A page that a test looks at, with what it complained of. */
export interface Seen {
  readonly page: Page;
  /** Errors of scripts, and whatever the policy stopped. */
  readonly complaints: readonly string[];
}

/** Starts Chromium. */
export async function startBrowser(): Promise<Browser> {
  // Tests in containers run as root, whom Chromium's sandbox refuses; only our own pages are loaded.
  return chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

/** Opens a page in a fresh session. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Seen> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // The browser itself says so of every answer over 400 and of a connection that was lost.
    if (message.type() === 'error' && !/^Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong with a page, each as its rule and what breaks it. */
export async function faultsOf(page: Page): Promise<string[]> {
  // By the debugger, which the page's policy does not bind.
  await page.evaluate(AXE);
  const found: unknown = await page.evaluate("axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ': ' + node.html + ' ' + (node.any[0]?.message ?? ''))))");
  return Array.isArray(found) ? found.map(String) : [String(found)];
}

function chromiumPath(): string | null {
  const configured = process.env['MGPU_CHROMIUM'];
  if (configured !== undefined && configured !== '') return configured;
  const places = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)));
  return places.find((place) => existsSync(place)) ?? null;
}
