/**
 * A server of canned answers for the overviews, and a host over it.
 */

import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Client } from '../../../src/api/client';
import type { Feed, FeedChange } from '../../../src/api/feed';
import type { IProposalSummary, IRunRow, ITimelineEntry } from '../../../src/api/types';
import type { IHost } from '../../../src/components/host';
import { printRun } from '../../../src/timeline/printed-run';

/** One request: method, path with query, and body. */
export interface IAsked {
  method: string;
  path: string;
  body: unknown;
}

/** An answer that is no JSON, or has another status. */
export class RawAnswer {
  constructor(readonly response: Partial<Response>) {}
}

/** Answers by method and path without the query. A function gets the whole path. */
export type Answers = { [call: string]: unknown };

/** Make a host whose server gives these answers; all others are 404. */
export function makeOffice(answers: Answers, over: Partial<IHost> = {}) {
  const asked: IAsked[] = [];
  const feed = {} as Feed;
  const changed = new Signal<Feed, FeedChange>(feed);
  Object.assign(feed, { changed });
  const client = new Client(async (path, init) => {
    const method = init.method ?? 'GET';
    asked.push({ method, path, body: init.body ? JSON.parse(String(init.body)) : null });
    const found = answers[`${method} ${path.split('?')[0]}`];
    const body: unknown = typeof found === 'function' ? (found as (path: string) => unknown)(path) : found;
    if (body instanceof RawAnswer) {
      return body.response as Response;
    }
    const known = body !== undefined;
    const said = known ? body : { error: 'UnknownRun', message: 'not there' };
    return { ok: known, status: known ? 200 : 404, json: async () => said } as Response;
  });
  const host = {
    ...{ client, feed, trans: nullTranslator.load('hitl_nb'), status: null, readOnly: null },
    ...over
  } as unknown as IHost;
  host.printRun = run => printRun(run, host);
  return { host, asked, tell: (message: FeedChange) => changed.emit(message) };
}

/** A run as lists have it. */
export function makeRun(over: Partial<IRunRow> = {}): IRunRow {
  return {
    ...{ id: 'r1', agent: 'refunds', notebook: '/n/refunds.ipynb', notebook_id: '', path: 'refunds.ipynb' },
    ...{ key: '', generation: 1, status: 'finished', pauses: 1, open: 0, error: null, requesters: ['ada'] },
    ...{ labels: {}, passed: 0, restarted: '', superseded: false, gone: null, where: '', waits_for: '' },
    ...{ created_at: '2026-11-28T21:44:02Z', updated_at: '2026-11-28T22:25:41Z', ended_at: null },
    ...{ state: 'finished', worked_seconds: 12, waited_seconds: 60 },
    decided: { asked: 4, people: 4, policy: 0, deadline: 0, changed: 1 },
    ...over
  };
}

/** An entry of a timeline; `at` is in seconds after its begin. */
export function makeEntry(type: ITimelineEntry['type'], at: number, over: Partial<ITimelineEntry> = {}) {
  const time = (seconds: number): string =>
    new Date(Date.parse('2026-11-28T21:44:02Z') + seconds * 1000).toISOString();
  return {
    ...{
      n: at,
      type,
      at: time(at),
      until: null,
      seconds: null,
      what: type,
      actor: '',
      titles: [],
      detail: {}
    },
    ...over
  } as ITimelineEntry;
}

/** A closed proposal as lists have it. */
export function makeClosed(id: string, over: Partial<IProposalSummary> = {}): IProposalSummary {
  const decision = {
    ...{ action: 'approve', by: 'policy', reviewer: 'policy:small', reviewer_name: '', reason: null },
    ...{ decided_at: new Date().toISOString(), known: 'policy' }
  };
  return {
    ...{ id, title: `Refund ${id}`, kind: 'json', status: 'decided', agent: 'refunds', notebook: '/n.ipynb' },
    ...{ path: 'n.ipynb', run: 'r1', summary: '48.00', document: id, doubt: null, flag: null, rules: [] },
    ...{ created_at: new Date().toISOString(), decision, revision: 1, fingerprint: 'f', assignee: null },
    ...over
  } as IProposalSummary;
}
