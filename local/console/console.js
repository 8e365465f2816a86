// The web console of the local Slack workspace. Everything that comes from the server is put on the page as text
// nodes, never as markup.
'use strict';

const byId = (id) => document.getElementById(id);

/** Makes an element: `make('a.link', {href}, 'text', child, …)`. Children that are null or false are left out. */
function make(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split('.');
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, '');
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
}

const ICONS = {
  hash: 'M9 3 7 21M17 3l-2 18M4 8.5h17M3 15.5h17',
  lock: 'M6 11h12v10H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11',
  eye: 'M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12Zm10 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  send: 'M4 12 3.5 4.5 21 12 3.5 19.5 4 12Zm0 0h8',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6 6 18',
  path: 'M5 5h6v6H5zM13 13h6v6h-6zM11 8h5v5',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z',
  half: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 3v18',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  down: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  key: 'M14.5 13.5a5 5 0 1 0-4-4L3 17v4h4v-3h3v-3zM16 8.5h.01',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12.5 10 17.5 19.5 7',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M16 4.5a3.5 3.5 0 0 1 0 6.5M17.5 14.3c2.6.7 4 2.7 4 5.7',
  grid: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM17 14v6M14 17h6',
  gear: 'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.1 2.1M16.3 16.3l2.1 2.1M5.6 18.4l2.1-2.1M16.3 7.7l2.1-2.1',
};

function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: '0 0 24 24', width: 18, height: 18, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.8,
    'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true',
  })) svg.setAttribute(key, value);
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** The app's picture: a bow tie. */
function bowTie() {
  const svg = icon('hash');
  svg.replaceChildren();
  for (const [name, attributes] of [
    ['path', { d: 'M12 12 3.5 6.5v11zM12 12l8.5-5.5v11z', fill: '#f0b45a', stroke: 'none' }],
    ['circle', { cx: 12, cy: 12, r: 2.6, fill: '#fff', stroke: 'none' }],
  ]) {
    const shape = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    svg.append(shape);
  }
  return svg;
}

const state = { me: '', channel: '', tab: 'messages', workspace: null, revision: null, traces: [], waiting: 0 };

/** The place of the apps, which is shown like a channel. */
const APPS = 'apps';

/** Remembers a value of this browser, where that is allowed. */
const memory = {
  read(key, otherwise) {
    try { return JSON.parse(localStorage.getItem(key)) ?? otherwise; } catch { return otherwise; }
  },
  write(key, value) {
    try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* Private windows may refuse. */ }
  },
};

async function ask(path, parameters) {
  const query = new URLSearchParams(parameters);
  const answer = await fetch(`${path}?${query}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function send(path, body) {
  const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return answer.ok ? answer.json() : { error: `${path}: ${answer.status}` };
}

/** How far Slack's clock is ahead of the machine's. */
function ahead(seconds) {
  if (seconds == null) return 'standing still';
  const parts = [[Math.floor(seconds / 3600), 'h'], [Math.floor(seconds / 60) % 60, 'min'], [seconds % 60, 's']];
  const text = parts.filter(([number]) => number).map(([number, unit]) => `${number} ${unit}`).join(' ');
  return text && `${text} ahead`;
}

// ---- Where one is: the address bar keeps who acts and what is open ----

function readPlace() {
  const place = new URLSearchParams(location.hash.slice(1));
  state.me = place.get('as') || 'U0ANNA';
  state.channel = place.get('channel') || '';
}

function goTo(me, channel) {
  if (channel !== state.channel) state.tab = 'messages';
  const place = new URLSearchParams({ as: me, channel });
  if (location.hash.slice(1) !== place.toString()) location.hash = place.toString();
}

function openChannel() {
  return state.workspace.channels.find((channel) => channel.id === state.channel);
}

// ---- Sidebar ----

function hue(text) {
  let sum = 7;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum;
}

function avatar(id, name) {
  if (state.workspace && id === state.workspace.app.user) return make('span.avatar.bot', { 'aria-hidden': 'true' }, bowTie());
  if (id === 'USLACKBOT') return make('span.avatar.slackbot', { 'aria-hidden': 'true' }, '!');
  const initials = name.split(' ').map((part) => part[0]).slice(0, 2).join('');
  const node = make('span.avatar', { 'aria-hidden': 'true' }, initials);
  node.style.setProperty('--hue', hue(id));
  return node;
}

function keepFocus(container, draw) {
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  draw();
  if (focused) container.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function drawSidebar() {
  const { team, app, people, channels, groups } = state.workspace;
  byId('team-name').textContent = team.name;
  byId('team-mark').textContent = team.name.split(' ').map((part) => part[0]).slice(0, 2).join('');
  const read = memory.read('read', {});
  const item = (channel) => {
    const current = channel.id === state.channel;
    const unread = !current && channel.latest && channel.latest > (read[`${state.me} ${channel.id}`] || '');
    const name = channel.direct ? app.name : channel.name;
    const mark = channel.direct ? avatar(app.user, app.name) : icon(channel.private ? 'lock' : 'hash');
    return make('li', {}, make(`button.channel${unread ? '.unread' : ''}`, {
      type: 'button', 'aria-current': current ? 'page' : null, 'data-key': channel.id,
      onclick: () => {
        goTo(state.me, channel.id);
        // The field is ready at once, before the news of the other place are there.
        state.channel = channel.id;
        drawBar();
        closeDrawers();
        byId('composer').focus();
        if (channel.direct) send('/console/open', { as: state.me, tab: 'messages' });
      },
    }, mark, make('span', {}, name), unread && make('span.dot', { role: 'img', 'aria-label': 'unread' })));
  };
  keepFocus(byId('channels'), () => byId('channels').replaceChildren(...channels.filter((c) => !c.direct).map(item)));
  keepFocus(byId('directs'), () => byId('directs').replaceChildren(...channels.filter((c) => c.direct).map(item)));
  byId('directs-section').hidden = !channels.some((channel) => channel.direct);
  const group = ({ handle, name, members, mine, disabled }) => make(`li.group${disabled ? '.gone' : ''}`, {
    title: `${name}: ${members} members${disabled ? ', disabled' : ''}`,
  }, icon('people'), make('span', {}, `@${handle}`), mine && make('small', {}, 'you'));
  byId('groups').replaceChildren(...groups.map(group));
  byId('groups-section').hidden = !groups.length;
  byId('apps').toggleAttribute('aria-current', state.channel === APPS);
  byId('app-state').textContent = app.installed ? 'installed' : 'not installed';
  const person = (user) => make('label.person', {},
    make('input', {
      type: 'radio', name: 'as', value: user.id, 'data-key': user.id, checked: user.id === state.me,
      onchange: () => goTo(user.id, state.channel),
    }),
    avatar(user.id, user.real_name), make('span', {}, user.real_name),
    user.standing && make('small', {}, user.standing));
  keepFocus(byId('people'), () => byId('people').replaceChildren(...people.map(person)));
}

function drawBar() {
  const channel = openChannel();
  const title = byId('title');
  byId('clock').textContent = ahead(state.workspace.clock.ahead) && `Slack's clock: ${ahead(state.workspace.clock.ahead)}`;
  byId('tabs').hidden = !channel?.direct || !state.workspace.app.home_tab;
  for (const tab of ['messages', 'home']) byId(`tab-${tab}`).setAttribute('aria-selected', String(state.tab === tab));
  if (state.channel === APPS) {
    title.replaceChildren(icon('grid'), 'Apps');
    byId('topic').textContent = 'What can be added to this workspace';
    document.title = 'Apps · Alfredbot, locally';
    byId('composer').disabled = true;
    byId('composer').placeholder = 'Open a channel to type';
    return;
  }
  if (!channel) { title.textContent = ''; return; }
  const name = channel.direct ? state.workspace.app.name : channel.name;
  title.replaceChildren(channel.direct ? avatar(state.workspace.app.user, '') : icon(channel.private ? 'lock' : 'hash'), name);
  const members = channel.direct ? '' : `${channel.members} members`;
  byId('topic').textContent = [channel.archived && 'archived', members, channel.topic].filter(Boolean).join(' · ');
  document.title = `${channel.direct ? '' : '#'}${name} · Alfredbot, locally`;
  const field = byId('composer');
  field.disabled = channel.archived;
  field.placeholder = channel.archived ? 'This channel is archived' : `Message ${channel.direct ? '' : '#'}${name}, or / for commands`;
}

// ---- Messages ----

/** The emoji that a bot is likely to use; others stay `:name:`. */
const EMOJI = {
  white_check_mark: '✅', x: '❌', warning: '⚠️', no_entry: '⛔', hourglass_flowing_sand: '⏳', hourglass: '⌛',
  lock: '🔒', key: '🔑', mag: '🔍', tada: '🎉', eyes: '👀', wave: '👋', rocket: '🚀', information_source: 'ℹ️',
  page_facing_up: '📄', bow: '🙇', question: '❓', rotating_light: '🚨', clock1: '🕐', repeat: '🔁',
};
const withEmoji = (text) => text.replace(/:([a-z0-9_]+):/g, (all, name) => (Object.hasOwn(EMOJI, name) ? EMOJI[name] : all));

function spanNode(span) {
  let node = document.createTextNode(span.code || span.literal ? span.text : withEmoji(span.text));
  const wrap = (tag, attributes) => { node = make(tag, attributes || {}, node); };
  if (span.code) wrap('code');
  if (span.bold) wrap('b');
  if (span.italic) wrap('i');
  if (span.strike) wrap('s');
  const live = span.live;
  if (live) {
    const href = live.kind === 'link' && /^(https?|mailto):/i.test(live.url) ? live.url : null;
    if (href) wrap('a', { href, target: '_blank', rel: 'noopener noreferrer' });
    else if (live.kind === 'broadcast' || live.id === state.me) wrap('span.mention.me');
    else if (live.kind !== 'date') wrap('span.mention');
  }
  return node;
}

const spans = (list) => list.map(spanNode);
const literal = (list) => list.map((span) => spanNode({ ...span, literal: true }));
const textOf = (list) => list.map((span) => span.text).join('');
/** Lines of a box that are shown before one asks for all. */
const FOLD = 24;

function preformatted(list) {
  const text = textOf(list);
  const lines = text.split('\n').length;
  const code = make('pre', { tabindex: '0', 'aria-label': 'Output' }, ...literal(list));
  const box = make('div.code', {}, code);
  const copy = make('button.icon.copy', {
    type: 'button', 'aria-label': 'Copy',
    onclick: async () => {
      await navigator.clipboard.writeText(text);
      copy.replaceChildren(icon('check'));
      setTimeout(() => copy.replaceChildren(icon('copy')), 1200);
    },
  }, icon('copy'));
  box.append(copy);
  if (lines > FOLD) {
    box.classList.add('folded');
    const more = make('button.more', {
      type: 'button', 'aria-expanded': 'false',
      onclick: () => {
        const folded = box.classList.toggle('folded');
        more.setAttribute('aria-expanded', String(!folded));
        more.textContent = folded ? `Show all ${lines} lines` : 'Show less';
      },
    }, `Show all ${lines} lines`);
    box.append(more);
  }
  return box;
}

const PIECES = {
  text: (piece) => make('p', {}, ...spans(piece.spans)),
  preformatted: (piece) => preformatted(piece.spans),
  quote: (piece) => make('blockquote', {}, ...spans(piece.spans)),
  list: (piece) => {
    const list = make(piece.ordered ? 'ol' : 'ul', {}, ...piece.items.map((item) => make('li', {}, ...spans(item))));
    list.style.setProperty('--indent', piece.indent);
    return list;
  },
  header: (piece) => make('h2', {}, piece.text),
  context: (piece) => make('div.context', {}, ...piece.items.map((item) => make('span', {}, ...spans(item)))),
  fields: (piece) => make('div.fields', {}, ...piece.items.map((item) => make('p', {}, ...spans(item)))),
  divider: () => make('hr'),
  controls: (piece, place) => controlsNode(piece, place),
  input: (piece, place) => inputNode(piece, place, {}),
  image: (piece) => make('figure', {}, make('div', { role: 'img', 'aria-label': piece.alt }, piece.alt), piece.title && make('figcaption', {}, piece.title)),
  table: (piece) => make('div.table', { tabindex: '0' }, make('table', {}, ...piece.rows.map((row, number) =>
    make('tr', {}, ...row.map((cell) => make(number ? 'td' : 'th', {}, ...spans(cell))))))),
};

function bytes(size) {
  if (size < 1000) return `${size} bytes`;
  return size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

/** Characters of a file that its preview shows. */
const PREVIEW = 20000;

function fileCard(file) {
  const address = `/console/files/${encodeURIComponent(file.id)}?as=${encodeURIComponent(state.me)}`;
  const body = make('div.file-body', { hidden: true });
  const toggle = make('button.link', {
    type: 'button', 'aria-expanded': 'false',
    onclick: async () => {
      body.hidden = !body.hidden;
      toggle.setAttribute('aria-expanded', String(!body.hidden));
      toggle.textContent = body.hidden ? 'Preview' : 'Hide';
      if (body.childElementCount) return;
      const answer = await fetch(address);
      const text = answer.ok ? await answer.text() : 'This file cannot be read.';
      const cut = text.length > PREVIEW ? `${text.slice(0, PREVIEW)}\n… download the file for the rest` : text;
      body.append(make('pre', { tabindex: '0', 'aria-label': file.name }, cut));
    },
  }, 'Preview');
  return make('div.file', {},
    make('div.file-head', {},
      make('span.file-icon', {}, icon('file')),
      make('div.file-name', {}, make('strong', {}, file.title || file.name), make('span', {}, `${file.name} · ${bytes(file.size)}`)),
      /^(text\/|application\/json)/.test(file.mimetype) && toggle,
      make('a.icon', { href: address, download: file.name, 'aria-label': `Download ${file.name}` }, icon('down'))),
    body);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
/** Messages of one author follow each other under one name within this many seconds; each command starts anew. */
const GROUP = 300;

/** A line of Slack's own, about who came and went. */
function noticeNode(message) {
  return make('article.message.notice', {}, make('div.gutter', {}, avatar(message.author, message.author_name)),
    make('div.body', {}, make('p', {}, make('strong', {}, message.author_name), ' ', message.pieces.map((piece) => textOf(piece.spans || [])).join(' '))));
}

function messageNode(message, before) {
  if (message.origin === 'notice') return noticeNode(message);
  const time = new Date(Number(message.ts) * 1000);
  const follows = before && before.origin !== 'notice' && before.author === message.author && before.only_you === message.only_you
    && message.origin !== 'ack' && Number(message.ts) - Number(before.ts) < GROUP;
  const stamp = make('time', { datetime: time.toISOString(), title: fullTime.format(time) }, clock.format(time));
  const only = message.only_you && !follows && make('div.only-you', {}, icon('eye'), 'Only visible to you');
  const head = !follows && make('div.who', {}, make('strong', {}, message.author_name), message.by_app && make('small', {}, 'APP'), stamp);
  return make(`article.message${follows ? '.follows' : ''}${message.only_you ? '.private' : ''}`, {
    'aria-label': `${message.author_name}, ${clock.format(time)}${message.only_you ? ', only visible to you' : ''}`,
  },
  only,
  follows ? make('div.gutter', {}, stamp) : make('div.gutter', {}, avatar(message.author, message.author_name)),
  make('div.body', {}, head,
    ...message.pieces.map((piece) => PIECES[piece.piece]?.(piece, { ts: message.ts })),
    ...message.files.map(fileCard),
    message.reactions.length > 0 && make('div.reactions', {}, ...message.reactions.map((reaction) => make('span.chip', {}, withEmoji(`:${reaction.name}: `), reaction.users.length))),
    message.edited && make('small.edited', {}, '(edited)')));
}

const EXAMPLES = ['/alfred-invoke aws ec2 describe-instances', '/alfred-invoke aws s3 ls', '/alfred whoami'];

function welcome() {
  const channel = openChannel();
  const title = channel.direct ? `Your messages with ${state.workspace.app.name}` : `This is #${channel.name}`;
  const me = state.workspace.people.find((person) => person.id === state.me);
  const example = (text, number) => make(`button.example${number ? '' : '.first'}`, {
    type: 'button', onclick: () => { fill(text); byId('composer').focus(); },
  }, make('code', {}, text));
  const { app } = state.workspace;
  if (!app.installed) {
    return make('section.welcome', { 'data-installed': 'false' },
      make('span.avatar.bot.large', { 'aria-hidden': 'true' }, bowTie()),
      make('h2', {}, title),
      make('p', {}, `${app.name} is not installed in this workspace, so its commands do not exist yet.`),
      make('div.examples', {}, make('button.example.first', { type: 'button', onclick: () => goTo(state.me, APPS) }, 'Add it in Apps')));
  }
  return make('section.welcome', { 'data-installed': 'true' },
    make('span.avatar.bot.large', { 'aria-hidden': 'true' }, bowTie()),
    make('h2', {}, title),
    make('p', {}, `You act as ${me ? me.real_name : state.me}. Type a slash command and press Enter: it is signed and sent as Slack does, and runs through the functions that run in production.`),
    make('p', {}, 'Start with:'),
    make('div.examples', {}, ...EXAMPLES.map(example)));
}

/** What is on the page, so that only what changed is replaced and screen readers hear only what is new. */
let drawn = { place: '', keys: [], nodes: [] };

/** The place where apps are added to the workspace. */
function appsNode() {
  const { app } = state.workspace;
  const by = app.installed_by ? ` by ${app.installed_by}` : '';
  return make('section.welcome', { id: 'apps-place' },
    make('span.avatar.bot.large', { 'aria-hidden': 'true' }, bowTie()),
    make('h2', {}, app.name),
    make('p', { id: 'app-installed', role: 'status' }, app.installed ? `Installed${by}. It may: ${app.scopes.join(', ')}.` : 'Not installed in this workspace.'),
    make('div.examples', {},
      app.install_url
        ? make('a.control.primary', { id: 'add-to-slack', href: app.install_url, target: '_blank', rel: 'noopener' }, app.installed ? 'Add to Slack again' : 'Add to Slack')
        : make('p', {}, 'The app has no address yet.'),
      make('a.link', { id: 'app-page', href: app.page_url, target: '_blank', rel: 'noopener' }, 'Install from Slack’s own page, as an administrator could')));
}

function homeNode() {
  const { app, home } = state.workspace;
  if (!home) return make('section.welcome', { id: 'home' }, make('p', {}, `${app.name} has not published a Home tab for you.`));
  return make('section.body.home', { id: 'home' }, ...home.pieces.map((piece) => PIECES[piece.piece]?.(piece, { home: true })).filter(Boolean));
}

/** What is shown in place of messages: the apps, or an app's Home tab. Returns whether there is such a thing. */
function drawInstead() {
  const home = state.tab === 'home' && openChannel()?.direct;
  if (state.channel !== APPS && !home) return false;
  const version = JSON.stringify([state.me, state.channel, home && state.workspace.home, state.workspace.app]);
  if (drawn.place !== version) {
    drawn = { place: version, keys: [], nodes: [] };
    byId('messages').replaceChildren(home ? homeNode() : appsNode());
    delete byId('messages').dataset.of;
  }
  return true;
}

async function drawMessages() {
  if (drawInstead()) return;
  const place = `${state.me} ${state.channel}`;
  const messages = await ask('/console/messages', { as: state.me, channel: state.channel });
  if (place !== `${state.me} ${state.channel}`) return;
  const list = byId('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  if (drawn.place !== place) {
    drawn = { place, keys: [], nodes: [] };
    list.replaceChildren();
    list.setAttribute('aria-busy', 'true');
  }
  const read = memory.read('read', {});
  if (messages.length) {
    list.querySelector('.welcome')?.remove();
    read[place] = messages[messages.length - 1].ts;
    memory.write('read', read);
  } else if (list.querySelector('.welcome')?.dataset.installed !== String(state.workspace.app.installed)) {
    list.querySelector('.welcome')?.remove();
    list.append(welcome());
  }
  let before = null;
  messages.forEach((message, number) => {
    const key = JSON.stringify([message, before && before.author, before && before.ts, before && before.origin]);
    if (drawn.keys[number] !== key) {
      const node = messageNode(message, before);
      if (drawn.nodes[number]) drawn.nodes[number].replaceWith(node);
      else list.append(node);
      drawn.keys[number] = key;
      drawn.nodes[number] = node;
    }
    before = message;
  });
  drawn.nodes.splice(messages.length).forEach((node) => node.remove());
  drawn.keys.length = messages.length;
  list.removeAttribute('aria-busy');
  // Whose messages of which place are on the page, for whoever waits for them.
  list.dataset.of = place;
  if (atEnd || !drawn.scrolled) list.scrollTop = list.scrollHeight;
  drawn.scrolled = true;
}

// ---- Jobs ----

const STEPS = {
  queued: 'Queued', acked: 'Acknowledged', claimed: 'Claimed', authorized: 'Authorized', role_assumed: 'Role assumed',
  rechecked: 'Rechecked', ran: 'Ran', probed: 'Role tried', synced: 'Members read', stored: 'Result stored', posted: 'Posted', denied: 'Denied', expired: 'Expired',
  interrupted: 'Interrupted', dead: 'Dead',
};
const ENDS = { posted: 'good', synced: 'good', denied: 'warn', expired: 'warn', interrupted: 'bad', dead: 'bad' };

function milliseconds(value) {
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${value.toFixed(0)} ms`;
  return value < 60000 ? `${(value / 1000).toFixed(1)} s` : `${(value / 60000).toFixed(1)} min`;
}

/** RFC 3339 to milliseconds, with the fractions that Date drops. */
function instant(text) {
  const fraction = /\.(\d+)/.exec(text);
  const whole = Date.parse(text.replace(/\.\d+/, ''));
  return whole + (fraction ? Number(`0.${fraction[1]}`) * 1000 : 0);
}

function pathNode(trace) {
  const steps = trace.steps.map((step) => ({ ...step, at: instant(step.time) })).sort((a, b) => a.at - b.at);
  const start = steps[0].at;
  const length = Math.max(steps[steps.length - 1].at - start, 0.1);
  const end = [...steps].reverse().find((step) => ENDS[step.step]);
  const row = (step, number) => {
    const from = number ? steps[number - 1].at - start : 0;
    const to = step.at - start;
    const bar = make(`i.span${ENDS[step.step] ? '.' + ENDS[step.step] : ''}`);
    bar.style.setProperty('--from', `${(from / length) * 100}%`);
    bar.style.setProperty('--to', `${(to / length) * 100}%`);
    const took = step.duration_ms == null ? '' : `, took ${milliseconds(step.duration_ms)}`;
    return make(`li${ENDS[step.step] ? '.' + ENDS[step.step] : ''}`, { title: `${step.function || ''} ${step.time}${took}`.trim() },
      make('span.step', {}, STEPS[step.step] || step.step),
      make('span.track', { 'aria-hidden': 'true' }, bar),
      make('span.at', {}, number ? `+${milliseconds(to)}` : clock.format(new Date(start))));
  };
  const chip = end ? make(`span.chip.${ENDS[end.step]}`, {}, STEPS[end.step]) : make('span.chip.open', {}, 'Under way');
  return make('li.job', {},
    make('header', {}, make('code', { title: trace.job }, trace.job.slice(0, 8)), chip,
      make('span.total', {}, end ? milliseconds(end.at - start) : '')),
    make('ol.steps', {}, ...steps.map(row)));
}

/** Jobs that are drawn. */
const JOBS = 40;

function drawJobs() {
  const traces = state.traces.filter((trace) => trace.steps && trace.steps.length).slice(-JOBS).reverse();
  if (traces.length) byId('paths').replaceChildren(...traces.map(pathNode));
  else byId('paths').replaceChildren(make('li.nothing', {}, 'No job yet. A command appears here the moment it is queued, with the time of each step.'));
}

// ---- Composer ----

const field = byId('composer');
let choices = [];
let chosen = -1;
let recall = -1;

function fill(text) {
  field.value = text;
  field.dispatchEvent(new Event('input'));
  field.setSelectionRange(text.length, text.length);
}

/** What could stand where the cursor is: `{from, to, entries: [{insert, title, hint, note}]}`. */
function completions() {
  const caret = field.selectionStart;
  const before = field.value.slice(0, caret);
  const { app, commands, people, groups, channels } = state.workspace;
  if (/^\/\S*$/.test(before)) {
    // A command that is typed out comes before those that only begin alike, so that Enter means it.
    const entries = commands.filter((command) => command.name.startsWith(before))
      .sort((a, b) => Number(b.name === before) - Number(a.name === before));
    return { from: 0, entries: entries.map((command) => ({ insert: `${command.name} `, title: command.name, hint: command.usage_hint, note: command.description })) };
  }
  const word = /(^|\s)([@#][\w.-]*)$/.exec(before);
  if (!word) return { from: 0, entries: [] };
  const typed = word[2];
  const names = typed[0] === '#'
    ? channels.filter((channel) => !channel.direct).map((channel) => ({ insert: `#${channel.name} `, title: `#${channel.name}`, note: channel.topic }))
    : [...people.map((person) => ({ insert: `@${person.name} `, title: `@${person.name}`, note: person.real_name })),
      ...groups.filter((group) => !group.disabled).map(({ handle }) => ({ insert: `@${handle} `, title: `@${handle}`, note: 'user group' })),
      ...(app.installed ? [{ insert: `@${app.user_name} `, title: `@${app.user_name}`, note: 'app' }] : [])];
  return { from: caret - typed.length, entries: names.filter((name) => name.title.startsWith(typed)) };
}

function drawCompletion() {
  const list = byId('completion');
  const found = completions();
  choices = found.entries;
  chosen = choices.length ? Math.min(Math.max(chosen, 0), choices.length - 1) : -1;
  list.hidden = !choices.length;
  list.replaceChildren(...choices.map((choice, number) => make('li', {
    id: `choice-${number}`, role: 'option', 'aria-selected': String(number === chosen),
    onmousedown: (event) => { event.preventDefault(); chosen = number; take(); },
  }, make('strong', {}, choice.title), choice.hint && make('code', {}, choice.hint), make('span', {}, choice.note || ''))));
  if (chosen >= 0) field.setAttribute('aria-activedescendant', `choice-${chosen}`);
  else field.removeAttribute('aria-activedescendant');
}

function closeCompletion() {
  choices = [];
  chosen = -1;
  byId('completion').hidden = true;
  field.removeAttribute('aria-activedescendant');
}

function take() {
  const { from } = completions();
  const choice = choices[chosen];
  const after = field.value.slice(field.selectionStart);
  const text = field.value.slice(0, from) + choice.insert;
  field.value = text + after;
  field.setSelectionRange(text.length, text.length);
  closeCompletion();
  grow();
  drawHint();
}

function drawHint() {
  const name = field.value.split(' ')[0];
  const command = state.workspace?.commands.find((one) => one.name === name);
  byId('hint').replaceChildren(...(command
    ? [make('code', {}, `${command.name} ${command.usage_hint}`), ` ${command.description}`]
    : [make('kbd', {}, '/'), ' commands  ', make('kbd', {}, '↑'), ' what you typed before  ', make('span.only-wide', {}, make('kbd', {}, 'Shift Enter'), ' new line')]));
}

function grow() {
  field.style.height = 'auto';
  field.style.height = `${Math.min(field.scrollHeight, 200)}px`;
  byId('send').disabled = !field.value.trim();
}

/** Lines that are remembered of each person. */
const HISTORY = 100;
const history_ = () => memory.read(`history ${state.me}`, []);

function recallLine(step) {
  const lines = history_();
  const next = recall + step;
  if (next < -1 || next >= lines.length) return;
  recall = next;
  fill(recall === -1 ? '' : lines[lines.length - 1 - recall]);
  closeCompletion();
}

const WORDS = {
  operation_timeout: 'no acknowledgement within 3 seconds', dispatch_failed: 'the app could not be reached',
  not_in_channel: 'you are not in this channel', is_archived: 'this channel is archived',
};

async function submit() {
  const text = field.value.trimEnd();
  if (!text.trim() || field.disabled) return;
  memory.write(`history ${state.me}`, [...history_().filter((line) => line !== text), text].slice(-HISTORY));
  recall = -1;
  fill('');
  closeCompletion();
  const status = byId('status');
  const command = text.startsWith('/');
  state.waiting += 1;
  if (command) status.replaceChildren(make('span.waiting', {}), 'waiting for the acknowledgement');
  try {
    const answer = await fetch('/console/type', {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ as: state.me, channel: state.channel, text }),
    });
    const result = await answer.json();
    state.waiting -= 1;
    if (result.error) status.textContent = `${result.error}: ${WORDS[result.error] || 'see the message above'}`;
    else if (command && !state.waiting) status.textContent = `acknowledged in ${milliseconds(result.elapsed_ms)}`;
  } catch {
    state.waiting -= 1;
    status.textContent = 'the local server cannot be reached: is it still running?';
  }
}

field.addEventListener('input', () => { chosen = 0; drawCompletion(); drawHint(); grow(); });
field.addEventListener('blur', closeCompletion);
field.addEventListener('keydown', (event) => {
  const open = choices.length > 0;
  const plain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
  if (event.isComposing || !plain) return;
  const done = () => event.preventDefault();
  if (open && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    chosen = (chosen + (event.key === 'ArrowDown' ? 1 : choices.length - 1)) % choices.length;
    drawCompletion();
    done();
  } else if (open && event.key === 'Tab') {
    take();
    done();
  } else if (event.key === 'Escape' && open) {
    closeCompletion();
    done();
  } else if (event.key === 'Enter') {
    // Enter takes a suggestion, unless what is typed already is all of it.
    if (open && choices[chosen].title !== field.value.slice(completions().from).trim()) take();
    else submit();
    done();
  } else if (event.key === 'ArrowUp' && (field.value === '' || recall >= 0)) {
    recallLine(1);
    done();
  } else if (event.key === 'ArrowDown' && recall >= 0) {
    recallLine(-1);
    done();
  }
});
byId('form').addEventListener('submit', (event) => { event.preventDefault(); submit(); });

// ---- Drawers and theme ----

function closeDrawers() {
  byId('app').classList.remove('sidebar-open', 'jobs-open');
  byId('open-sidebar').setAttribute('aria-expanded', 'false');
  byId('open-jobs').setAttribute('aria-expanded', 'false');
}

function drawer(button, name) {
  byId(button).addEventListener('click', () => {
    const open = byId('app').classList.toggle(name);
    byId(button).setAttribute('aria-expanded', String(open));
  });
}

const THEMES = { auto: ['half', 'Theme: as the system'], dark: ['moon', 'Theme: dark'], light: ['sun', 'Theme: light'] };

function applyTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const [name, label] = THEMES[theme];
  byId('theme').replaceChildren(icon(name));
  byId('theme').setAttribute('aria-label', label);
  byId('theme').title = label;
}

byId('theme').addEventListener('click', () => {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(memory.read('theme', 'auto')) + 1) % names.length];
  memory.write('theme', next);
  applyTheme(next);
});
byId('open-sidebar').append(icon('menu'));
byId('open-jobs').prepend(icon('path'));
byId('close-jobs').append(icon('close'));
byId('send').append(icon('send'));
byId('close-jobs').addEventListener('click', closeDrawers);
byId('scrim').addEventListener('click', closeDrawers);
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') closeDrawers(); });
byId('apps').prepend(icon('grid'));
drawer('open-sidebar', 'sidebar-open');
drawer('open-jobs', 'jobs-open');

// ---- News ----

byId('apps').addEventListener('click', () => { goTo(state.me, APPS); closeDrawers(); });
for (const tab of ['messages', 'home']) {
  byId(`tab-${tab}`).addEventListener('click', () => {
    state.tab = tab;
    send('/console/open', { as: state.me, tab });
    refresh();
  });
}

async function refresh() {
  state.workspace = await ask('/console/workspace', { as: state.me });
  if (!openChannel() && state.channel !== APPS) {
    const channels = state.workspace.channels;
    const first = channels.find((channel) => channel.name === 'ops') || channels[0];
    state.channel = first ? first.id : '';
    goTo(state.me, state.channel);
  }
  drawBar();
  await drawMessages();
  drawSidebar();
  drawHint();
  drawModal();
  await drawAdministration();
}

async function follow() {
  let known = {};
  for (;;) {
    try {
      const news = await ask('/console/news', known);
      const changed = news.revision !== known.revision;
      known = { revision: news.revision, traces: news.traces_known };
      if (news.traces) { state.traces = news.traces; drawJobs(); }
      if (changed) await refresh();
      byId('app').classList.remove('offline');
    } catch {
      byId('app').classList.add('offline');
      known = {};
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
    }
  }
}

window.addEventListener('hashchange', () => { readPlace(); closeCompletion(); refresh(); });
applyTheme(memory.read('theme', 'auto'));
readPlace();
drawJobs();
// The scripts of the elements and of the administration come after this one.
document.addEventListener('DOMContentLoaded', () => {
  follow();
  field.focus();
});
