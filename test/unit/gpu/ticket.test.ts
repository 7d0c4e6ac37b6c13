import { expect, test } from '@jest/globals';
import { ticketOf } from '../../support/tickets.ts';

test('a ticket is held by those who still work for others, by name', () => {
  const ticket = ticketOf({ sequence: 1 });
  expect(ticket.holders).toEqual([]);
  const { consumer } = ticket.request;
  const consumers = [{ ...consumer, name: 'busy', isWorkingForOthers: true }, { ...consumer, name: 'idle', isWorkingForOthers: false }];
  ticket.heldBy = { consumers, at: 0 };
  expect(ticket.holders).toEqual(['busy']);
});
