// play.mjs NODE-MODULES-DIR CHROMIUM hls|dash|mss|shaka|shaka4 URL [switch]
// Plays one manifest in headless Chromium and prints what holds: "ok WHAT" or "not ok WHAT", remarks below it. Exit 1 if something
// does not hold. The page comes from a server of its own, so that CORS counts.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const [dir, executablePath, player, url, wantSwitch] = process.argv.slice(2);
const libraries = {
  hls: ['hls.js/dist/hls.js'],
  dash: ['dashjs/dist/modern/umd/dash.all.min.js'],
  mss: ['dashjs/dist/modern/umd/dash.all.min.js', 'dashjs/dist/modern/umd/dash.mss.min.js'],
  shaka: ['shaka-player/dist/shaka-player.compiled.js'],
  shaka4: ['codem-isoboxer/dist/iso_boxer.js', 'shaka4/dist/shaka-player.compiled.js'], // the last with Smooth Streaming
}[player];
const { chromium } = createRequire(path.join(dir, 'x.js'))('playwright-core');
const seconds = 4; // media seconds that each phase must play
const patience = 30000;

let failures = 0;
function check(good, what, remark) {
  console.log(`${good ? 'ok' : 'not ok'} ${what}`);
  if (!good && remark) console.log(remark);
  failures += good ? 0 : 1;
  return good;
}

// ---- in the page: each player behind the same few functions in window.T

function setUp({ player, url }) {
  const video = document.getElementById('video');
  const T = (window.T = { errors: [], ended: false, ready: false });
  const fail = text => T.errors.push(String(text).slice(0, 300));
  video.addEventListener('error', () => fail(`video: ${video.error && video.error.message}`));
  video.addEventListener('ended', () => { T.ended = true; });
  // dash.js moves a play head that stands at the very end half a second back and leaves it paused: a viewer presses play
  video.addEventListener('seeked', () => { if (video.paused && !video.ended) video.play().catch(() => {}); });
  const sorted = rows => rows.slice().sort((a, b) => a.bandwidth - b.bandwidth);
  const start = {
    hls() {
      const hls = new Hls();
      hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) fail(`${e.details} ${e.error && e.error.message}`); });
      hls.on(Hls.Events.MANIFEST_PARSED, () => { T.ready = true; });
      hls.attachMedia(video);
      hls.loadSource(url);
      T.renditions = () => sorted(hls.levels.map((l, i) => ({ id: i, bandwidth: l.bitrate, height: l.height })));
      T.pick = id => { hls.nextLevel = id; };
      T.active = () => hls.currentLevel;
    },
    dash() {
      const dash = dashjs.MediaPlayer().create();
      dash.on('error', e => fail(`${e.error && e.error.code} ${e.error && e.error.message}`));
      dash.on('streamInitialized', () => { T.ready = true; });
      dash.initialize(video, url, true);
      T.renditions = () => sorted(dash.getRepresentationsByType('video').map(r => ({ id: r.id, bandwidth: r.bandwidth, height: r.height })));
      T.pick = id => {
        dash.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
        dash.setRepresentationForTypeById('video', id, true);
      };
      T.active = () => dash.getCurrentRepresentationForType('video').id;
    },
    shaka() {
      const shakaPlayer = new shaka.Player();
      const spoken = tracks => tracks.filter(t => t.language === (tracks.find(a => a.active) || t).language);
      shakaPlayer.addEventListener('error', e => fail(`shaka ${e.detail.code} ${e.detail.data}`));
      const type = url.endsWith('/Manifest') ? 'application/vnd.ms-sstr+xml' : undefined; // Smooth URLs have no extension
      shakaPlayer.attach(video).then(() => shakaPlayer.load(url, null, type)).then(() => { T.ready = true; video.play(); }, e => fail(`shaka ${e.code} ${e.data}`));
      T.renditions = () => sorted(spoken(shakaPlayer.getVariantTracks()));
      T.pick = id => {
        shakaPlayer.configure({ abr: { enabled: false } });
        shakaPlayer.selectVariantTrack(shakaPlayer.getVariantTracks().find(t => t.id === id), true);
      };
      T.active = () => shakaPlayer.getVariantTracks().find(t => t.active).id;
    },
  };
  start.mss = start.dash;
  start.shaka4 = start.shaka;
  T.state = () => ({
    time: video.currentTime, duration: video.duration, ready: T.ready, ended: T.ended, errors: T.errors, height: video.videoHeight, active: T.ready && T.active(),
    frames: video.getVideoPlaybackQuality().totalVideoFrames, audio: video.webkitAudioDecodedByteCount,
  });
  T.seek = time => { T.ended = false; video.currentTime = time; video.play().catch(() => {}); };
  start[player]();
  video.play().catch(() => {});
}

// ---- out here

function serve() {
  const page = '<!doctype html><video id=video muted playsinline width=640 height=360></video>'
    + libraries.map((_, i) => `<script src=/library${i}.js></script>`).join('');
  const server = http.createServer((request, response) => {
    const [, script] = request.url.match(/^\/library(\d)\.js$/) || [];
    response.writeHead(script || request.url === '/' ? 200 : 404, { 'Content-Type': script ? 'text/javascript' : 'text/html' });
    response.end(script ? fs.readFileSync(path.join(dir, 'node_modules', libraries[script])) : page);
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function run(page) {
  const state = () => page.evaluate(() => T.state());
  const until = async holds => {
    for (const end = Date.now() + patience; ;) {
      const now = await state();
      if (holds(now) || now.errors.length || Date.now() > end) return now;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  };
  const seek = time => page.evaluate(t => T.seek(t), time);
  // A phase gives its findings, [good, what, remark] each. One that fails is tried once more from a seek of its own:
  // players lose their way at times (after one in some thirty seeks into another period dash.js empties its buffers and requests
  // nothing more). Twice it fails only if something is wrong.
  const tried = async (from, phase) => {
    let findings = await phase();
    const bad = findings.filter(([good]) => !good);
    if (bad.length) {
      console.log(`once more: ${bad.map(([, what]) => what).join('; ')} ${bad[0][2]}`);
      await seek(from);
      findings = await phase();
    }
    for (const finding of findings) check(...finding);
  };
  // Plays on from `from`: the time moves, pictures and sound are decoded.
  const plays = (what, from, length) => tried(from, async () => {
    const before = await until(s => s.time >= from && s.time < from + 2);
    const after = await until(s => s.time >= before.time + length && s.frames > before.frames && s.audio > before.audio);
    const remark = JSON.stringify({ from, before, after });
    return [
      [after.time >= before.time + length && before.time >= from && before.time < from + 2, `${what}: plays ${length} s`, remark],
      [after.frames - before.frames >= length * 5, `${what}: pictures`, remark],
      [after.audio > before.audio, `${what}: sound`, remark],
    ];
  });
  const first = await until(s => s.ready);
  if (!check(first.ready, 'the manifest is read', first.errors.join('; '))) return;
  await plays('start', 0, seconds);
  const { duration } = await state();
  check(duration > 2 * seconds && Number.isFinite(duration), 'it has a duration', `${duration}`);
  await seek(duration / 2);
  await plays('from the middle', duration / 2, Math.min(seconds, duration / 2 - 2));
  if (wantSwitch) await switches(page, seek, until, tried);
  await seek(duration - 3);
  await tried(duration - 3, async () => {
    const last = await until(s => s.ended);
    return [[last.ended && Math.abs(last.time - duration) < 0.5, 'reaches the end', JSON.stringify(last)]];
  });
  const { errors } = await state();
  check(errors.length === 0, 'no error of the player', errors.join('; '));
}

async function switches(page, seek, until, tried) {
  const rows = await page.evaluate(() => T.renditions().map(({ id, height, bandwidth }) => ({ id, height, bandwidth })));
  if (!check(rows.length > 1, 'there is more than one rendition', JSON.stringify(rows))) return;
  for (const [name, row] of [['highest', rows.at(-1)], ['lowest', rows[0]], ['highest', rows.at(-1)]]) {
    await seek(1);
    await tried(1, async () => {
      await until(s => s.time >= 1 && s.time < 3);
      await page.evaluate(id => T.pick(id), row.id);
      // Once may be the picture from before the seek: it still is, or is again, after a second of playing.
      const right = s => s.height === row.height && s.active === row.id;
      const shown = await until(right);
      const after = await until(s => right(s) && s.time > shown.time + 1 && s.frames > shown.frames);
      return [[right(after) && after.time > shown.time + 1, `switches to the ${name} rendition`, JSON.stringify({ row, after })]];
    });
  }
}

const server = await serve();
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--disable-dev-shm-usage'];
const browser = await chromium.launch({ executablePath, headless: true, args: flags }); // in a new, empty user data folder
try {
  const page = await browser.newPage();
  const refused = [];
  page.on('response', r => { if (r.status() >= 400 && !r.url().endsWith('/favicon.ico')) refused.push(`${r.status()} ${r.url()}`); });
  page.on('requestfailed', r => { if (!/ABORTED/.test(r.failure().errorText)) refused.push(`${r.failure().errorText} ${r.url()}`); });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(setUp, { player, url });
  await run(page);
  check(refused.length === 0, 'every request is answered', refused.slice(0, 5).join('\n'));
} catch (error) {
  check(false, 'the page lives', String(error));
} finally {
  await browser.close();
  server.close();
}
process.exitCode = failures ? 1 : 0;
