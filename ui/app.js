import { effect } from '@preact/signals';
import { render } from 'preact';
import { html } from './html.js';
import { listenToKeys } from './keyboard.js';
import { start as startLog } from './log.js';
import { connection, notice, start, view } from './store.js';
import { showInTab } from './tab.js';
import { Banner } from './views/banner.js';
import { Chart } from './views/chart.js';
import { Consumers } from './views/consumers.js';
import { Header } from './views/header.js';
import { Help } from './views/help.js';
import { Log } from './views/log.js';
import { Notice } from './views/notice.js';
import { Queue } from './views/queue.js';
import { Timeline } from './views/timeline.js';
import { Vram } from './views/vram.js';

function App() {
  const { status } = view.value;
  return html`
    <${Header} />
    <${Banner} connection=${connection.value} />
    <main aria-busy=${String(status === null)}>
      <${Vram} />
      <${Queue} />
      <${Timeline} />
      <${Consumers} />
      <${Chart} />
      <${Log} />
    </main>
    <${Notice} notice=${notice.value} />
    <${Help} />
  `;
}

const place = document.getElementById('app');
if (place !== null) render(html`<${App} />`, place);
effect(() => showInTab(view.value, connection.value));
listenToKeys();
start();
startLog();
