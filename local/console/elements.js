// The elements of messages, modals and the Home tab: how they look, and what a person enters in them.
'use strict';

/** Says where an element is: `{ts}` of a message, `{home: true}`, or `{}` for the uppermost modal. */
async function act(path, place, action, value) {
  return send(path, { as: state.me, ...place, action, value });
}

const PROBLEMS = {
  operation_timeout: 'the app did not answer within 3 seconds', dispatch_failed: 'the app could not be reached',
  http_client_error: 'the app refused it', http_service_error: 'the app failed',
  invalid_entry: 'please look at the marked fields', invalid_response: 'the app answered something that Slack does not understand',
};
const problem = (word) => PROBLEMS[word] || word;

/** Tells the app what was pressed or chosen, and shows at the element what went wrong. */
async function report(node, place, control, value) {
  const confirm_ = control.source.confirm;
  if (confirm_ && !window.confirm(`${confirm_.title.text}\n\n${confirm_.text.text}`)) return;
  node.setAttribute('aria-busy', 'true');
  const { error } = await act('/console/press', place, control.action, value);
  node.removeAttribute('aria-busy');
  const holder = node.closest('.element') || node;
  holder.querySelector('.trouble')?.remove();
  if (error && error !== 'no_action') holder.append(make('span.trouble', { role: 'alert' }, `⚠ ${problem(error)}`));
}

const optionsOf = (source) => [
  ...(source.options || []).map((option) => ({ option })),
  ...(source.option_groups || []).flatMap((group) => group.options.map((option) => ({ option, group: group.label.text }))),
];
const initial = (source) => [source.initial_option, ...(source.initial_options || [])].filter(Boolean).map((option) => option.value);

function selectNode(control, choices, many, chosen, placeholder) {
  const groups = new Map();
  for (const { value, text, group = '' } of choices) {
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(make('option', { value, selected: chosen.includes(value) }, text));
  }
  const parts = [...groups].flatMap(([label, options]) => (label ? [make('optgroup', { label }, ...options)] : options));
  const empty = !many && make('option', { value: '' }, placeholder);
  return make('select', { multiple: many }, empty, ...parts);
}

/** What the other selects choose from. */
const CHOICES = {
  users_select: () => state.workspace.people.map((person) => ({ value: person.id, text: person.real_name })),
  conversations_select: () => state.workspace.channels.map((channel) => ({ value: channel.id, text: channel.direct ? state.workspace.app.name : `#${channel.name}` })),
  channels_select: () => state.workspace.channels.filter((channel) => !channel.direct && !channel.private).map((channel) => ({ value: channel.id, text: `#${channel.name}` })),
};

/** Kinds of `input` for what is typed. */
const TYPED = {
  plain_text_input: 'text', email_text_input: 'email', url_text_input: 'url', number_input: 'text',
  datepicker: 'date', timepicker: 'time', datetimepicker: 'datetime-local',
};

let serial = 0;

/** An external select: one types, the app offers. */
function externalNode(control, place) {
  const list = make('datalist', { id: `options-${serial += 1}` });
  const known = new Map();
  const field = make('input', { type: 'text', list: list.id, autocomplete: 'off', placeholder: control.text || 'Type to search' });
  let asked = '';
  field.addEventListener('input', async () => {
    field.dataset.value = known.get(field.value) || '';
    if (field.dataset.value || field.value === asked) return;
    asked = field.value;
    const answer = await act('/console/suggest', place, control.action, asked);
    if (asked !== field.value) return;
    known.clear();
    for (const option of answer.options || []) known.set(option.text, option.value);
    list.replaceChildren(...[...known.keys()].map((text) => make('option', { value: text })));
    field.setCustomValidity(answer.error ? problem(answer.error) : '');
  });
  const initially = control.source.initial_option;
  if (initially) { field.value = initially.text.text; field.dataset.value = initially.value; }
  return make('span.external', {}, field, list);
}

/**
 * Draws an element. `changed` is called with what was entered, where Slack reports that at once. The node's
 * `entered()` gives what is entered now, `enter(value)` puts it back.
 */
function elementNode(control, place, changed) {
  const { source } = control;
  const many = source.type.startsWith('multi_');
  const kind = source.type.replace(/^multi_/, '');
  const placeholder = control.text || 'Choose…';
  let node;
  if (kind === 'button') {
    node = make(`button.control${control.style ? '.' + control.style : ''}`, { type: 'button', 'aria-label': source.accessibility_label }, withEmoji(control.text));
    node.addEventListener('click', () => {
      if (source.url && /^https?:/i.test(source.url)) window.open(source.url, '_blank', 'noopener');
      changed?.(undefined);
    });
    node.entered = () => undefined;
  } else if (kind === 'static_select' || kind === 'overflow') {
    const choices = optionsOf(source).map(({ option, group }) => ({ value: option.value, text: option.text.text, group }));
    node = selectNode(control, choices, many, initial(source), kind === 'overflow' ? '…' : placeholder);
  } else if (CHOICES[kind]) {
    const name = kind.replace('_select', '');
    const chosen = [source[`initial_${name.slice(0, -1)}`], ...(source[`initial_${name}`] || [])].filter(Boolean);
    node = selectNode(control, CHOICES[kind](), many, chosen, placeholder);
  } else if (kind === 'external_select') {
    node = externalNode(control, place);
    const field = node.querySelector('input');
    node.entered = () => field.dataset.value || '';
    node.enter = ([text, value]) => { field.value = text; field.dataset.value = value; };
    node.kept = () => [field.value, field.dataset.value || ''];
    field.addEventListener('change', () => field.dataset.value && changed?.(field.dataset.value));
  } else if (kind === 'radio_buttons' || kind === 'checkboxes') {
    const type = kind === 'checkboxes' ? 'checkbox' : 'radio';
    const name = `choice-${serial += 1}`;
    const one = ({ option }) => make('label.choice', {}, make('input', { type, name, value: option.value, checked: initial(source).includes(option.value) }), ` ${option.text.text}`);
    node = make('span.choices', { role: 'group' }, ...optionsOf(source).map(one));
    const boxes = () => [...node.querySelectorAll('input')];
    const values = () => boxes().filter((box) => box.checked).map((box) => box.value);
    node.entered = () => (type === 'radio' ? values()[0] || '' : values());
    node.enter = (value) => boxes().forEach((box) => { box.checked = [value].flat().includes(box.value); });
    node.addEventListener('change', () => changed?.(node.entered()));
  } else if (TYPED[kind]) {
    const multiline = source.multiline;
    const start = source.initial_value ?? source.initial_date ?? source.initial_time ?? '';
    node = make(multiline ? 'textarea' : 'input', { type: multiline ? null : TYPED[kind], rows: multiline ? 4 : null, placeholder: control.text, maxlength: source.max_length, spellcheck: 'false' });
    node.value = start;
    node.entered = () => (kind === 'datetimepicker' && node.value ? Math.floor(new Date(node.value) / 1000) : node.value);
    node.addEventListener('change', () => changed?.(node.entered()));
  } else {
    node = make('span.unknown', {}, `[${source.type}]`);
    node.entered = () => undefined;
  }
  if (node.tagName === 'SELECT') {
    node.entered = () => (many ? [...node.selectedOptions].map((option) => option.value) : node.value);
    node.addEventListener('change', () => {
      changed?.(node.entered());
      if (kind === 'overflow') node.value = '';
    });
    node.enter = (value) => [...node.options].forEach((option) => { option.selected = [value].flat().includes(option.value); });
  }
  node.enter ||= (value) => { if (value !== undefined) node.value = value; };
  node.kept ||= node.entered;
  const field = node.matches('input, select, textarea') ? node : node.querySelector('input');
  if (field && kind !== 'radio_buttons' && kind !== 'checkboxes') {
    field.dataset.action = control.action;
    if (!field.getAttribute('aria-label')) field.setAttribute('aria-label', placeholder);
  }
  node.dataset.action = control.action;
  return node;
}

/** The controls of a block that report at once. */
function controlsNode(piece, place) {
  return make('div.controls', {}, ...piece.controls.map((control) => {
    const node = elementNode(control, place, (value) => report(node, place, control, value));
    return make('span.element', {}, node);
  }));
}

/** A field of a form with its label, hint and what the app found wrong. */
function inputNode(piece, place, errors) {
  const id = `field-${piece.block}`;
  const node = elementNode(piece.control, place, null);
  const field = node.matches('input, select, textarea') ? node : node.querySelector('input');
  const error = errors[piece.block];
  const about = [piece.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  const group = node.matches('.choices');
  if (group) node.setAttribute('aria-label', piece.label);
  else if (field) { field.id = id; field.removeAttribute('aria-label'); }
  const target = group ? node : field || node;
  if (about) target.setAttribute('aria-describedby', about);
  if (error) target.setAttribute('aria-invalid', 'true');
  const holder = make('div.form-field', {},
    make('label', { for: group ? null : id }, piece.label, piece.optional && make('span.optional', {}, ' (optional)')),
    node,
    piece.hint && make('small', { id: `${id}-hint` }, piece.hint),
    error && make('small.trouble', { id: `${id}-error`, role: 'alert' }, error));
  holder.key = `${piece.block}/${piece.control.action}`;
  holder.element = node;
  return holder;
}

// ---- The modal ----

const modal = byId('modal');
let shownModal = '';
let fields = [];

function drawModal() {
  const view = state.workspace.view;
  if (!view) {
    shownModal = '';
    fields = [];
    if (modal.open) modal.close();
    return;
  }
  const version = JSON.stringify([state.me, view.id, view.hash, view.errors]);
  if (version === shownModal) return;
  const same = shownModal && JSON.parse(shownModal)[1] === view.id;
  const kept = new Map(same ? fields.map((field) => [field.key, field.element.kept()]) : []);
  shownModal = version;
  byId('modal-title').textContent = view.title;
  byId('modal-error').textContent = '';
  byId('modal-submit').hidden = !view.submit;
  byId('modal-submit').textContent = view.submit || 'Submit';
  byId('modal-close').textContent = view.close || (view.below ? 'Back' : 'Close');
  fields = [];
  byId('modal-body').replaceChildren(...view.pieces.map((piece) => {
    if (piece.piece !== 'input') return PIECES[piece.piece]?.(piece, {});
    const field = inputNode(piece, {}, view.errors);
    if (kept.has(field.key)) field.element.enter(kept.get(field.key));
    fields.push(field);
    return field;
  }).filter(Boolean));
  if (!modal.open) modal.showModal();
  (byId('modal-body').querySelector('[aria-invalid]') || byId('modal-body').querySelector('input, select, textarea'))?.focus();
}

byId('modal-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const values = Object.fromEntries(fields.map((field) => [field.key, field.element.entered()]).filter(([, value]) => value !== undefined));
  byId('modal-submit').disabled = true;
  const { error } = await send('/console/submit', { as: state.me, values });
  byId('modal-submit').disabled = false;
  byId('modal-error').textContent = error ? `Something went wrong: ${problem(error)}.` : '';
});

const closeModal = (all) => send('/console/close', { as: state.me, all });
byId('modal-close').addEventListener('click', () => closeModal(false));
byId('modal-dismiss').addEventListener('click', () => closeModal(true));
modal.addEventListener('cancel', (event) => { event.preventDefault(); closeModal(false); });
byId('modal-dismiss').append(icon('close'));
