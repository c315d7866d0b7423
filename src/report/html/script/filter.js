// Which findings are shown. Texts are searched once each, not once per finding.

/** Columns that a text is looked for in. */
const SEARCHED = [
  'finding_id', 'title', 'description', 'finding_type', 'detector_id', 'principal', 'account',
  'account_name', 'region', 'buckets', 'object_keys', 'source_ips', 'user_agents', 'access_key_ids',
  'session_names', 'event_names', 'error_codes', 'asns', 'countries', 'vpc_endpoints',
  'mitre_techniques', 'observed',
];

const asked = { words: [], labels: new Set([0, 1, 2, 3]), tactic: '', account: '', principal: '', bucket: '', hidden: false, from: null, to: null };

/** The numbers of the texts of each finding, one after the other; `ends` says where each ends. */
let searchable = null;
/** All texts in lower case. */
let lowered = null;
/** By word, which texts have it. */
const hits = new Map();

function prepareSearch() {
  if (searchable) return;
  lowered = TEXTS.map((each) => each.toLowerCase());
  const columns = SEARCHED.map((name) => COLUMN.get(name)).filter((index) => index !== undefined);
  const evidence = COLUMN.get('evidence');
  const all = [];
  const ends = new Uint32Array(ROWS.length);
  ROWS.forEach((cells, row) => {
    for (const column of columns) {
      const cell = cells[column];
      if (Array.isArray(cell)) all.push(...cell);
      else if (cell !== null) all.push(cell);
    }
    for (const event of cells[evidence] ?? []) all.push(event[0]);
    ends[row] = all.length;
  });
  searchable = { all: Uint32Array.from(all), ends };
}

/** Which texts hold a word. */
function textsWith(word) {
  let found = hits.get(word);
  if (!found) {
    prepareSearch();
    found = Uint8Array.from(lowered, (each) => (each.includes(word) ? 1 : 0));
    if (hits.size > 16) hits.clear();
    hits.set(word, found);
  }
  return found;
}

function hasText(row, found) {
  const { all, ends } = searchable;
  for (let at = row === 0 ? 0 : ends[row - 1]; at < ends[row]; at += 1) {
    if (found[all[at]]) return true;
  }
  return false;
}

/** The findings that are asked for, in the order of the file. */
function matching() {
  const words = asked.words.map(textsWith);
  const principal = asked.principal && textsWith(asked.principal);
  const bucket = asked.bucket && textsWith(asked.bucket);
  const tactic = asked.tactic === '' ? null : Number(asked.tactic);
  const account = asked.account === '' ? null : Number(asked.account);
  const [ofPrincipal, ofBucket] = [COLUMN.get('principal'), COLUMN.get('buckets')];
  const [ofTactic, ofAccount] = [COLUMN.get('mitre_tactics'), COLUMN.get('account')];
  const found = [];
  for (let row = 0; row < ROWS.length; row += 1) {
    const cells = ROWS[row];
    if (!asked.labels.has(LABEL[row]) || (HIDDEN[row] && !asked.hidden)) continue;
    if (asked.from !== null && (LAST[row] < asked.from || FIRST[row] > asked.to)) continue;
    if (account !== null && cells[ofAccount] !== account) continue;
    if (tactic !== null && !cells[ofTactic].includes(tactic)) continue;
    if (principal && !principal[cells[ofPrincipal]]) continue;
    if (bucket && !cells[ofBucket].some((number) => bucket[number])) continue;
    if (words.every((word) => hasText(row, word))) found.push(row);
  }
  return found;
}

/** Reads what the form asks for. */
function readForm() {
  const lower = (id) => byId(id).value.trim().toLowerCase();
  asked.words = lower('f-text').split(/\s+/).filter(Boolean);
  const boxes = document.querySelectorAll('#filter input[name="severity"]');
  asked.labels = new Set([...boxes].filter((box) => box.checked).map((box) => LABELS.indexOf(box.value)));
  asked.tactic = byId('f-tactic').value;
  asked.account = byId('f-account').value;
  asked.principal = lower('f-principal');
  asked.bucket = lower('f-bucket');
  asked.hidden = byId('f-hidden').checked;
}

/** The distinct texts of a column with how often they stand there, the most frequent first. */
function distinct(name) {
  const counts = new Map();
  const column = COLUMN.get(name);
  for (const cells of ROWS) {
    for (const number of [cells[column]].flat()) {
      if (number !== null) counts.set(number, (counts.get(number) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (TEXTS[a[0]] < TEXTS[b[0]] ? -1 : 1));
}

/** Most suggestions of a field; what is typed need not be one of them. */
const SUGGESTED = 500;

function fillForm() {
  for (const [id, name] of [['f-tactic', 'mitre_tactics'], ['f-account', 'account']]) {
    for (const [number, count] of distinct(name)) {
      byId(id).append(new Option(`${TEXTS[number]} (${grouped(count)})`, number));
    }
  }
  for (const [id, name] of [['principals', 'principal'], ['buckets', 'buckets']]) {
    const options = distinct(name).slice(0, SUGGESTED).map(([number]) => new Option(TEXTS[number]));
    byId(id).append(...options);
  }
  const hidden = HIDDEN.reduce((sum, each) => sum + each, 0);
  byId('hidden-switch').hidden = hidden === 0;
  const what = ROWS.some((_, row) => text(row, 'status') === 'withdrawn') ? 'suppressed and withdrawn' : 'suppressed';
  byId('hidden-switch').querySelector('span').textContent = `show ${what} (${grouped(hidden)})`;
}
