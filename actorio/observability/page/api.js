// What the page asks of the system, and how it is told of changes.

import { useEffect, useRef, useState } from './vendor/htm-preact.js';

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function get(path, signal) {
  const answer = await fetch(path, { signal, headers: { accept: 'application/json' } });
  if (answer.ok) return answer.json();
  throw new ApiError(answer.status, await errorIn(answer));
}

const errorIn = (answer) => answer.json().then((content) => content.error).catch(() => answer.statusText);

let key = null;

export async function act(action, body) {
  key ??= (await get('/api/session')).key;
  const answer = await fetch(`/api/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-actorio-token': key },
    body: JSON.stringify(body),
  });
  if (answer.ok) return answer.json();
  throw new ApiError(answer.status, await errorIn(answer));
}

export function query(path, parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== '' && value !== null && value !== undefined) search.set(name, value);
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

// The answer to a question, asked again whenever `tick` changes; the one before stays until the next is there.
export function useAnswer(path, tick) {
  const [state, setState] = useState({ path, data: null, error: null });
  const asking = useRef(null);
  useEffect(() => () => { asking.current?.abort(); asking.current = null; }, [path]);
  useEffect(() => {
    if (asking.current) return; // slower than the changes: the next one asks again
    const mine = new AbortController();
    asking.current = mine;
    get(path, mine.signal)
      .then((data) => setState({ path, data, error: null }))
      .catch((error) => {
        if (error.name !== 'AbortError') {
          setState((before) => ({ path, data: before.path === path ? before.data : null, error }));
        }
      })
      .finally(() => { if (asking.current === mine) asking.current = null; });
  }, [path, tick]);
  return state.path === path ? state : { path, data: null, error: null, before: state.data };
}

// The overview, pushed at each census; `lost` while nobody is there.
export function useLive() {
  const [live, setLive] = useState({ overview: null, lost: false, refused: false, tick: 0 });
  const history = useRef([]);
  useEffect(() => {
    let source;
    let again;
    let over = false;
    function open() {
      source = new EventSource('/api/live');
      source.addEventListener('overview', (event) => {
        const overview = JSON.parse(event.data);
        const last = history.current.at(-1);
        if (overview.history && (!last || overview.history[0] > last[0])) {
          history.current = [...history.current.slice(-899), overview.history];
        }
        setLive((before) => ({ overview, lost: false, refused: false, tick: before.tick + 1 }));
      });
      source.onerror = () => {
        setLive((before) => ({ ...before, lost: true }));
        if (source.readyState === EventSource.CLOSED && !over) {
          get('/api/overview').catch((error) => {
            if (error.status === 401) setLive((before) => ({ ...before, lost: true, refused: true }));
          });
          again = setTimeout(open, 3000);
        }
      };
    }
    get('/api/history')
      .then((answer) => { history.current = answer.rows; })
      .catch(() => {})
      .finally(() => { if (!over) open(); });
    return () => { over = true; clearTimeout(again); source?.close(); };
  }, []);
  return { ...live, history: history.current };
}
