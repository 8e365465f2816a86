// The administration panel: who is where, what the workspace's time is, and which events are lost. It is on this
// machine only, so nobody logs in; what is done there is done by whom one acts as.
'use strict';

const panel = byId('administration');
let admin = null;

/** Carries something out. What goes wrong is said at the top of the panel. */
async function order(what) {
  const { error } = await send('/console/administration', { by: state.me, ...what });
  byId('admin-status').textContent = error ? `Not done: ${error}` : 'Done.';
  return !error;
}

async function drawAdministration() {
  if (!panel.open) return;
  admin = await ask('/console/administration', {});
  byId('clock-now').textContent = new Date(admin.now * 1000).toLocaleString();
  byId('clock-ahead').textContent = ahead(admin.ahead);
  byId('drop-events').checked = admin.dropping;
  const bot = admin.people.find((person) => person.id === admin.bot);
  byId('admin-installed').textContent = admin.installed ? `${bot.real_name} is installed.` : 'No app is installed.';
  byId('uninstall').disabled = !admin.installed;
  fillSelect('bot-channel', admin.channels.map((channel) => [channel.id, `#${channel.name}${channel.bot ? ' (there)' : ''}`]));
  const place = admin.channels.find((channel) => channel.id === byId('bot-channel').value);
  byId('invite-bot').disabled = !admin.installed || !place || place.bot;
  byId('remove-bot').disabled = !place || !place.bot;
  drawChannel();
  drawGroup();
  drawPeople();
  drawEvents();
}

/** Gives a select its options and keeps what is chosen. */
function fillSelect(id, entries) {
  const select = byId(id);
  const drawn = JSON.stringify(entries);
  if (select.dataset.drawn === drawn) return;
  const { value } = select;
  select.dataset.drawn = drawn;
  select.replaceChildren(...entries.map(([key, text]) => make('option', { value: key }, text)));
  if (entries.some(([key]) => key === value)) select.value = value;
}

const nameOf = (id) => admin.people.find((person) => person.id === id)?.real_name || id;

function drawChannel() {
  fillSelect('admin-channel', admin.channels.map((channel) => [channel.id, `${channel.private ? '🔒 ' : '#'}${channel.name}${channel.archived ? ' (archived)' : ''}`]));
  const channel = admin.channels.find((one) => one.id === byId('admin-channel').value);
  if (!channel) return;
  const member = (id) => make('li', {}, make('span', {}, nameOf(id)), make('button.small', {
    type: 'button', id: `remove-${id}`, 'data-key': id, 'aria-label': `Remove ${nameOf(id)}`,
    onclick: () => order({ do: 'remove', user: id, channel: channel.id }),
  }, 'Remove'));
  keepFocus(byId('admin-members'), () => byId('admin-members').replaceChildren(...channel.members.map(member)));
  const others = admin.people.filter((person) => !person.deactivated && !channel.members.includes(person.id));
  fillSelect('admin-channel-user', others.map((person) => [person.id, person.real_name]));
  byId('add-to-channel').disabled = !others.length;
  byId('archive').textContent = channel.archived ? 'Unarchive channel' : 'Archive channel';
}

function drawGroup() {
  fillSelect('admin-group', admin.groups.map((group) => [group.id, `@${group.handle}${group.disabled ? ' (disabled)' : ''}`]));
  const group = admin.groups.find((one) => one.id === byId('admin-group').value);
  byId('toggle-group').disabled = !group;
  if (!group) return;
  const person = ({ id, real_name }) => make('li', {}, make('label', {}, make('input', {
    type: 'checkbox', id: `group-${id}`, 'data-key': id, checked: group.members.includes(id),
    onchange: (event) => order({
      do: 'set_group', group: group.id,
      members: event.target.checked ? [...group.members, id] : group.members.filter((one) => one !== id),
    }),
  }), ` ${real_name}`));
  const people = admin.people.filter((one) => !one.bot && (!one.deactivated || group.members.includes(one.id)));
  keepFocus(byId('admin-group-members'), () => byId('admin-group-members').replaceChildren(...people.map(person)));
  byId('toggle-group').textContent = group.disabled ? 'Enable group' : 'Disable group';
}

const STANDINGS = [['', 'Member'], ['admin', 'Admin'], ['owner', 'Owner'], ['guest', 'Guest']];

function drawPeople() {
  const row = (person) => {
    const standing = make('select', {
      id: `standing-${person.id}`, 'data-key': `s ${person.id}`, 'aria-label': `Standing of ${person.real_name}`,
      onchange: (event) => order({ do: 'set_standing', user: person.id, standing: event.target.value }),
    }, ...STANDINGS.map(([value, text]) => make('option', { value, selected: value === person.standing }, text)));
    const toggle = make('button.small', {
      type: 'button', id: `deactivate-${person.id}`, 'data-key': `d ${person.id}`,
      'aria-label': `${person.deactivated ? 'Reactivate' : 'Deactivate'} ${person.real_name}`,
      onclick: () => order({ do: 'deactivate', user: person.id, deactivated: !person.deactivated }),
    }, person.deactivated ? 'Reactivate' : 'Deactivate');
    return make(`li${person.deactivated ? '.gone' : ''}`, {}, make('span', {}, person.real_name), standing, toggle);
  };
  keepFocus(byId('admin-people'), () => byId('admin-people').replaceChildren(...admin.people.filter((person) => !person.bot).map(row)));
}

function drawEvents() {
  const row = (event) => {
    const told = event.lost && !event.deliveries ? 'lost' : event.status ? `${event.status}, ${event.deliveries}×` : event.deliveries ? `no answer, ${event.deliveries}×` : 'waiting';
    return make('li', {}, make('code', {}, event.kind), make('span', {}, told), make('button.small', {
      type: 'button', id: `resend-${event.id}`, 'data-key': event.id, 'aria-label': `Send ${event.kind} again`,
      onclick: () => order({ do: 'resend', event: event.id }),
    }, 'Send again'));
  };
  const nothing = make('li.none', {}, 'Nothing has happened yet that the app is told of.');
  keepFocus(byId('admin-events'), () => byId('admin-events').replaceChildren(...(admin.events.length ? admin.events.map(row) : [nothing])));
}

const chosenIn = (id) => byId(id).value;
const whenPressed = (id, what) => byId(id).addEventListener('click', () => order(what()));

whenPressed('clock-1', () => ({ do: 'advance', seconds: 60 }));
whenPressed('clock-5', () => ({ do: 'advance', seconds: 300 }));
whenPressed('clock-15', () => ({ do: 'advance', seconds: 900 }));
whenPressed('invite-bot', () => ({ do: 'add', user: admin.bot, channel: chosenIn('bot-channel') }));
whenPressed('remove-bot', () => ({ do: 'remove', user: admin.bot, channel: chosenIn('bot-channel') }));
whenPressed('add-to-channel', () => ({ do: 'add', user: chosenIn('admin-channel-user'), channel: chosenIn('admin-channel') }));
whenPressed('archive', () => ({ do: 'archive', channel: chosenIn('admin-channel'), archived: !admin.channels.find((one) => one.id === chosenIn('admin-channel')).archived }));
whenPressed('toggle-group', () => ({ do: 'disable_group', group: chosenIn('admin-group'), disabled: !admin.groups.find((one) => one.id === chosenIn('admin-group')).disabled }));
whenPressed('uninstall', () => ({ do: 'uninstall' }));
byId('drop-events').addEventListener('change', (event) => order({ do: 'drop_events', on: event.target.checked }));
for (const id of ['bot-channel', 'admin-channel', 'admin-group']) byId(id).addEventListener('change', drawAdministration);
byId('new-channel').addEventListener('submit', async (event) => {
  event.preventDefault();
  const name = byId('new-channel-name').value.trim();
  if (await order({ do: 'create_channel', name, private: byId('new-channel-private').checked })) event.target.reset();
});
byId('new-group').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (await order({ do: 'create_group', handle: byId('new-group-handle').value.trim() })) event.target.reset();
});

byId('open-administration').addEventListener('click', () => {
  byId('admin-status').textContent = '';
  panel.showModal();
  drawAdministration();
});
byId('close-administration').addEventListener('click', () => panel.close());
byId('close-administration').append(icon('close'));
byId('open-administration').prepend(icon('gear'));
