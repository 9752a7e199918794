// Two players of one title (?title=PATH of its descriptor), each behind the same few functions.
'use strict';

const title = new URLSearchParams(location.search).get('title') || 'media/demo.ism';

function kbit(rate) {
  return `${Math.round(rate / 1000)} kbit/s`;
}

// Fills a <select> with [value, text] rows and calls back with the chosen value.
function choices(select, rows, chosen, onChange) {
  select.replaceChildren(...rows.map(([value, text]) => new Option(text, value, false, String(value) === String(chosen))));
  select.disabled = rows.length < 2;
  select.onchange = () => onChange(select.value);
}

function buffered(video) {
  for (let i = 0; i < video.buffered.length; i++) {
    const start = video.buffered.start(i), end = video.buffered.end(i);
    if (start <= video.currentTime + 0.1 && end >= video.currentTime) {
      return `${start.toFixed(1)} – ${end.toFixed(1)} s (${(end - video.currentTime).toFixed(1)} s ahead)`;
    }
  }
  return 'nothing here';
}

function panel(id, manifest, start) {
  const root = document.getElementById(id);
  const find = name => root.querySelector(name);
  const video = find('video');
  const state = { video, requests: 0, bytes: 0, rendition: () => '–' };
  find('.manifest').href = manifest;
  find('.manifest').textContent = manifest;
  state.quality = (rows, chosen, onChange) => choices(find('.quality'), rows, chosen, onChange);
  state.audio = (rows, chosen, onChange) => choices(find('.audio'), rows, chosen, onChange);
  state.fetched = bytes => { state.requests++; state.bytes += bytes || 0; };
  state.fail = text => { find('.error').hidden = false; find('.error').textContent = text; };
  setInterval(() => {
    find('.rendition').textContent = state.rendition();
    find('.position').textContent = `${video.currentTime.toFixed(1)} of ${(video.duration || 0).toFixed(1)} s`;
    find('.buffered').textContent = buffered(video);
    find('.fetched').textContent = `${state.requests} segments, ${(state.bytes / 1e6).toFixed(1)} MB`;
  }, 250);
  start(state, new URL(manifest, location.href).href);
}

function startHls(state, url) {
  if (!Hls.isSupported()) {
    state.video.src = url; // Safari plays HLS itself
    return;
  }
  const hls = new Hls();
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    const rows = hls.levels.map((l, i) => [i, `${l.height ? `${l.height}p` : 'audio'}, ${kbit(l.bitrate)}`]);
    state.quality([[-1, 'automatic'], ...rows], -1, value => { hls.nextLevel = Number(value); });
    state.video.play().catch(() => {});
  });
  hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => {
    const rows = hls.audioTracks.map((t, i) => [i, t.name || t.lang || `audio ${i + 1}`]);
    state.audio(rows.length ? rows : [[0, 'the only one']], hls.audioTrack, value => { hls.audioTrack = Number(value); });
  });
  hls.on(Hls.Events.FRAG_LOADED, (event, data) => state.fetched(data.frag.stats.loaded));
  hls.on(Hls.Events.ERROR, (event, data) => { if (data.fatal) state.fail(`${data.type}: ${data.details}`); });
  state.rendition = () => {
    const level = hls.levels && hls.levels[hls.currentLevel];
    return level ? `${level.width}×${level.height}, ${kbit(level.bitrate)}` : '–';
  };
  hls.loadSource(url);
  hls.attachMedia(state.video);
  window.hls = hls;
}

function startDash(state, url) {
  const player = dashjs.MediaPlayer().create();
  player.initialize(state.video, url, true);
  player.on(dashjs.MediaPlayer.events.STREAM_INITIALIZED, () => {
    const rows = player.getRepresentationsByType('video').map(r => [r.id, `${r.height}p, ${kbit(r.bandwidth)}`]);
    state.quality([['', 'automatic'], ...rows], '', id => {
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: id === '' } } } });
      if (id !== '') player.setRepresentationForTypeById('video', id, true);
    });
    const tracks = player.getTracksFor('audio');
    state.audio(tracks.map((t, i) => [i, t.lang || `audio ${i + 1}`]), tracks.indexOf(player.getCurrentTrackFor('audio')),
      value => player.setCurrentTrack(tracks[Number(value)]));
  });
  player.on(dashjs.MediaPlayer.events.FRAGMENT_LOADING_COMPLETED, event => {
    if (event.response && event.request.type === 'MediaSegment') state.fetched(event.response.byteLength);
  });
  player.on(dashjs.MediaPlayer.events.ERROR, event => state.fail(`dash.js: ${event.error.message || event.error}`));
  state.rendition = () => {
    const r = player.getCurrentRepresentationForType('video');
    return r ? `${r.width}×${r.height}, ${kbit(r.bandwidth)}` : '–';
  };
  window.dash = player;
}

panel('hls', `${title}/.m3u8`, startHls);
panel('dash', `${title}/.mpd`, startDash);
