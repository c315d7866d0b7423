// All that is known of one finding, in a drawer; and the plain list for paper.

/** Which findings name this one as related, or as the one before. */
let namedBy = null;

function namesOf(row) {
  return [...(value(row, 'related') ?? []), value(row, 'continues')].filter((id) => id !== null);
}

/** Findings that belong together with one: those that it names, and those that name it. */
function relatedTo(row) {
  if (!namedBy) {
    namedBy = new Map();
    ROWS.forEach((_, other) => {
      for (const id of namesOf(other)) namedBy.set(id, [...(namedBy.get(id) ?? []), other]);
    });
  }
  const naming = namedBy.get(value(row, 'finding_id')) ?? [];
  return { known: new Set([...namesOf(row).map((id) => ROW_OF_ID.get(id)), ...naming].filter((each) => each !== undefined && each !== row)), absent: namesOf(row).filter((id) => !ROW_OF_ID.has(id)) };
}

/** A list of terms; what is empty is left out. */
function facts(pairs) {
  const list = el('dl', 'facts');
  for (const [term, ...what] of pairs) {
    const shown = what.flat().filter((each) => each !== null && each !== '');
    if (shown.length) list.append(el('dt', '', term), el('dd', '', ...shown));
  }
  return list;
}

function monos(values) {
  return values.map((each) => el('span', 'mono item', each));
}

function whoFacts(row) {
  const [account, name] = [text(row, 'account'), text(row, 'account_name')];
  const foreign = { true: 'another account’s', false: 'own' }[value(row, 'is_foreign')] ?? '';
  return [
    ['Principal', el('span', 'mono', text(row, 'principal') || 'unknown, or several'), text(row, 'principal_type') && ` (${text(row, 'principal_type')})`],
    ['Caller’s account', text(row, 'caller_account') && el('span', 'mono', text(row, 'caller_account')), text(row, 'caller_account') && foreign && ` (${foreign})`],
    ['Access keys', monos(texts(row, 'access_key_ids'))],
    ['Sessions', monos(texts(row, 'session_names'))],
    ['From', monos([...texts(row, 'source_ips'), ...texts(row, 'asns'), ...texts(row, 'countries'), ...texts(row, 'vpc_endpoints')])],
    ['User agents', monos(texts(row, 'user_agents'))],
    ['Account', account && el('span', 'mono', account), name && ` (${name})`],
    ['Region', text(row, 'region')],
  ];
}

function whatFacts(row) {
  const [errors, objects] = [value(row, 'error_count'), value(row, 'distinct_objects')];
  const codes = texts(row, 'error_codes').join(', ');
  const failed = errors ? `, ${grouped(errors)} refused or failed${codes && ` (${codes})`}` : '';
  const about = value(row, 'distinct_is_exact') ? '' : 'about ';
  const bytes = [['in', value(row, 'bytes_in')], ['out', value(row, 'bytes_out')]].filter(([, each]) => each);
  return [
    ['When', interval(FIRST[row], LAST[row])],
    ['Calls', `${counted(value(row, 'event_count'), 'event')}${failed}`, el('br'), ...monos(texts(row, 'event_names'))],
    ['Buckets', monos(texts(row, 'buckets'))],
    ['Bucket’s owner', text(row, 'bucket_owner_account')],
    ['Objects', objects ? `${about}${counted(objects, 'object')}` : ''],
    ['Keys, a sample', monos(texts(row, 'object_keys'))],
    ['Bytes', bytes.map(([way, each]) => `${grouped(each)} ${way}`).join(', ')],
  ];
}

function whyFacts(row) {
  const [from, until] = [value(row, 'baseline_from'), value(row, 'baseline_until')];
  return [
    ['Observed', text(row, 'observed')],
    ['Expected', text(row, 'expected')],
    ['Held against', from !== null ? interval(from / 1000, until / 1000) : ''],
    ['Confidence', `${Math.round((value(row, 'confidence') ?? 0) * 100)} %`],
    ['Suppressed', text(row, 'suppression_reason')],
    ['Status', text(row, 'status') === 'withdrawn' ? 'withdrawn: later events explain it' : ''],
  ];
}

/** What makes the most unusual calls unusual, in bits. */
function features(row) {
  const all = value(row, 'features') ?? [];
  if (!all.length) return [];
  const most = Math.max(...all.map((each) => each[3]), 1);
  const lines = all.map(([feature, seen, , bits, newTo]) => {
    const meter = el('meter');
    [meter.min, meter.max, meter.value] = [0, most, bits];
    const fresh = newTo.length ? `new to ${newTo.map((each) => TEXTS[each]).join(', ')}` : '';
    return el('tr', '', el('td', 'mono', TEXTS[feature]), el('td', 'mono', TEXTS[seen] ?? ''), el('td', 'n', bits.toFixed(1)), el('td', '', meter), el('td', 'more', fresh));
  });
  const head = el('thead', '', el('tr', '', ...['Feature', 'Value', 'Bits', '', ''].map((each) => el('th', '', each))));
  return [el('h3', '', 'What is unusual'), el('div', 'wide', el('table', 'small', head, el('tbody', '', ...lines)))];
}

function evidence(row) {
  const all = value(row, 'evidence') ?? [];
  if (!all.length) return [];
  const events = all.map(([id, time, uri, number]) => el(
    'li', '',
    el('span', 't', timeText(time / 1000)), ' ', el('span', 'mono', TEXTS[id]),
    el('br'), el('span', 'mono', TEXTS[uri]), `, record ${grouped(number)}`,
  ));
  return [el('h3', '', 'Evidence: the earliest events'), el('ol', 'evidence', ...events)];
}

function related(row) {
  const { known, absent } = relatedTo(row);
  if (!known.size && !absent.length) return [];
  const items = [...known].sort((a, b) => FIRST[a] - FIRST[b] || a - b).map((other) => el(
    'li', '', badge(other), ' ', button('link', text(other, 'title'), () => openDetails(other)), ' ', el('span', 'more', interval(FIRST[other], LAST[other])),
  ));
  for (const id of absent) items.push(el('li', 'more', 'not in this report: ', el('span', 'mono', TEXTS[id])));
  return [el('h3', '', 'Related findings, by time'), el('ul', 'related', ...items)];
}

function attack(row) {
  return [
    ['ATT&CK', [...texts(row, 'mitre_tactics'), ...texts(row, 'mitre_techniques')].join(', ')],
    ['Best practice', text(row, 'practice')],
    ['Detector', el('span', 'mono', text(row, 'detector_id')), ` version ${value(row, 'detector_version')}`],
    ['Type', el('span', 'mono', text(row, 'finding_type'))],
    ['Finding', el('span', 'mono', text(row, 'finding_id')), ` revision ${value(row, 'revision')}, day ${new Date(value(row, 'day') * DAY * 1000).toISOString().slice(0, -14)} UTC`],
  ];
}

/** The way to the finding before and after in the table. */
function steps(row) {
  const at = table.rows.indexOf(row);
  const step = (label, to) => {
    const made = button('', label, () => openDetails(table.rows[to]));
    made.disabled = at < 0 || table.rows[to] === undefined;
    return made;
  };
  return el('p', 'steps', step('Previous', at - 1), step('Next', at + 1), button('', 'Close', () => byId('details').close()));
}

function openDetails(row) {
  const title = el('h2', '', text(row, 'title'));
  title.id = 'd-title';
  title.tabIndex = -1;
  const remedy = text(row, 'remediation').trim();
  const drawer = document.querySelector('#details .drawer');
  drawer.replaceChildren(
    steps(row), el('p', '', badge(row)), title, el('p', 'description', text(row, 'description')),
    ...(remedy ? [el('h3', '', 'What to do'), el('p', 'remedy', remedy)] : []),
    ...related(row),
    el('h3', '', 'What and when'), facts(whatFacts(row)),
    el('h3', '', 'Who and from where'), facts(whoFacts(row)),
    el('h3', '', 'Why'), facts(whyFacts(row)),
    ...features(row), ...evidence(row),
    el('h3', '', 'Reference'), facts(attack(row)),
  );
  const dialog = byId('details');
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = drawer.scrollTop = 0;
  title.focus();
  history.replaceState(null, '', `#finding=${text(row, 'finding_id')}`);
}

/** Findings that are put on paper; beyond, their number is. */
const PRINTED = 1000;

function forPaper(row) {
  const remedy = text(row, 'remediation').trim();
  const where = [texts(row, 'buckets').join(', '), text(row, 'account')].filter(Boolean).join(', account ');
  return el(
    'article', '',
    el('h3', '', badge(row), ` ${text(row, 'title')}`),
    el('p', '', text(row, 'description')),
    facts([['Who', el('span', 'mono', text(row, 'principal') || 'unknown, or several')], ['Where', where], ['When', interval(FIRST[row], LAST[row])], ['What to do', remedy], ['ATT&CK', texts(row, 'mitre_techniques').join(', ')], ['Finding', el('span', 'mono', text(row, 'finding_id'))]]),
  );
}

function fillPaper() {
  const shown = table.rows.slice(0, PRINTED).map(forPaper);
  const rest = table.rows.length - shown.length;
  if (rest > 0) shown.push(el('p', 'alarm', `${counted(rest, 'more finding')} in the file: filter the table to print them.`));
  byId('printed').replaceChildren(...shown);
}
