#!/usr/bin/env python3
"""Breaks a rule on purpose, one at a time, and shows which check notices.

Works on a copy of the checkout (`--work DIR`), never on the checkout itself. A mutant is a text that is replaced in one
file; the check that it names must fail with it. The conformance suite on PostgreSQL needs LIENTHONG_TEST_PG.
Prints a table, and at its end `N mutants, M survived`.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

CORE = ["cargo", "test", "-q", "-p", "lienthong-core", "--all-features"]
CHECKS = {
    "engine tests": [*CORE, "--test", "engine"],
    "model": [*CORE, "--test", "model"],
    "conformance, memory": [*CORE, "--lib"],
    "conformance, SQLite": ["cargo", "test", "-q", "-p", "lienthong-store-sqlite", "--test", "conformance"],
    "conformance, PostgreSQL": ["cargo", "test", "-q", "-p", "lienthong-store-postgres", "--all-features", "--test", "conformance"],
    "simulation": ["cargo", "run", "-q", "-p", "lienthong-tests", "--bin", "simulate", "--", "--seeds", "200"],
}

# check, name, file, what stands there, what stands there instead
MUTANTS = [
    (
        "simulation",
        "a lost claim is taken for unsent although it is in hand",
        "core/src/flow/execute.rs",
        "lane.held_claim().is_some_and(|claim| !in_hand.contains(&claim))",
        "lane.held_claim().is_some()",
    ),
    (
        "engine tests",
        "nobody looks for claims whose answer was lost",
        "core/src/flow/execute.rs",
        "if engine.in_hand.is_in_doubt() {",
        "if false {",
    ),
    (
        "engine tests",
        "the lease is not checked before sending",
        "core/src/flow/execute.rs",
        "if lease.saturating_sub(claim.at.elapsed()) < deadline + engine.settings.lease_margin",
        "if lease.is_zero()",
    ),
    (
        "model",
        "a lease that ran out makes the operation ready instead of doubtful",
        "core/src/policy/decide.rs",
        "    operation.attempts += 1;\n    doubt_it(operation, &doubt, terms);\n}",
        "    operation.attempts += 1;\n    let _ = doubt;\n"
        "    move_to(operation, OperationState::Ready, terms.now, None, None);\n}",
    ),
    (
        "model",
        "the settling window is skipped",
        "core/src/policy/decide.rs",
        "let due = later(terms.now, terms.settling);",
        "let due = terms.now;",
    ),
    (
        "engine tests",
        "a second retry shortens the settling window",
        "core/src/flow/operator.rs",
        "let earliest = doubted_until(operation, settling).map_or(now, |until| until.max(now));",
        "let is_doubtful = operation.state == OperationState::Doubtful;\n"
        "        let until = doubted_until(operation, settling).filter(|_| is_doubtful);\n"
        "        let earliest = until.map_or(now, |until| until.max(now));",
    ),
    (
        "engine tests",
        "the claim number does not fence an outcome",
        "core/src/flow/settle.rs",
        "let is_ours = loaded.row.claim == assignment.claim && loaded.row.head == Some(assignment.operation.id);",
        "let is_ours = loaded.row.head == Some(assignment.operation.id);",
    ),
    (
        "engine tests",
        "the relay goes on behind a batch that was not confirmed whole",
        "core/src/flow/relay.rs",
        "published.checked_sub(1)",
        "rows.len().max(published).checked_sub(1)",
    ),
    (
        "engine tests",
        "every replica relays, whoever holds the fence",
        "core/src/flow/relay.rs",
        "let Some(held) = fence else { return Ok(false) };",
        "let nobody = Fence { name: RELAY.into(), number: 0 };\n"
        "    let held = &fence.clone().unwrap_or(nobody);",
    ),
    (
        "engine tests",
        "the same tidings of money are applied again",
        "core/src/plan/tidings.rs",
        "let is_same = reference.state == ReferenceState::Paid",
        "let is_same = false && reference.state == ReferenceState::Paid",
    ),
    (
        "model",
        "a question that was not answered counts as a success",
        "core/src/policy/decide.rs",
        "            let (state, due) = (operation.state, later(terms.now, ASK_AGAIN));\n"
        "            move_to(operation, state, due, Some(*cause), Some(said));",
        "            let _ = said;\n"
        "            move_to(operation, OperationState::Succeeded, terms.now, Some(*cause), None);",
    ),
    (
        "engine tests",
        "a newer state stands in for one that is on its way",
        "core/src/plan/queue.rs",
        "(acknowledged && waits && (cures || !old.begun))",
        "(acknowledged || waits || !old.begun)",
    ),
    (
        "engine tests",
        "a doubt is repeated without asking who can be asked",
        "core/src/flow/probe.rs",
        "if is_asked {",
        "if is_asked && false {",
    ),
    (
        "conformance, memory",
        "half-open lets two operations try at once",
        "core/src/policy/allowance.rs",
        "Phase::HalfOpen { .. } => Some(1),",
        "Phase::HalfOpen { .. } => Some(2),",
    ),
    (
        "conformance, memory",
        "what runs in other processes is not counted",
        "core/src/flow/settle.rs",
        "most.saturating_sub(running)",
        "most.saturating_sub(running * 0)",
    ),
    (
        "engine tests",
        "a partner's setback is counted against the operation while it is down",
        "core/src/flow/settle.rs",
        "(!condition.is_plain() && is_spared(",
        "(false && is_spared(",
    ),
    (
        "engine tests",
        "a return that fails begins a new incident",
        "core/src/policy/health.rs",
        "known.map_or((now, 0), |t| (t.since, t.trials.saturating_add(1)))",
        "known.map_or((now, 0), |t| (now, t.trials.saturating_add(1)))",
    ),
    (
        "conformance, memory",
        "what was restored is sent before the decision",
        "core/src/flow/settle.rs",
        "    if work.is_fenced {\n        return Vec::new();\n    }\n",
        "    if false && work.is_fenced {\n        return Vec::new();\n    }\n",
    ),
    (
        "model",
        "what is dangerous is repeated after a doubt",
        "core/src/policy/decide.rs",
        "        Repeat::Safe | Repeat::ByKey | Repeat::ByteForByte => {",
        "        _ if terms.settling > SignedDuration::ZERO => {\n"
        "            move_to(operation, OperationState::Ready, terms.now, None, None);\n"
        "        }\n"
        "        Repeat::Safe | Repeat::ByKey | Repeat::ByteForByte => {",
    ),
    (
        "engine tests",
        "more is handed over than there are permits",
        "core/src/flow/intake.rs",
        "(id.clone(), permits.len(), engine.lease(id))",
        "(id.clone(), permits.len() + 3, engine.lease(id))",
    ),
    (
        "engine tests",
        "a reference that was never sent stays watched",
        "core/src/plan/money.rs",
        "let annulled = annul(work, rules, &lane, kind, why)?;",
        "let annulled = annul(work, rules, &lane, kind, why)? && false;",
    ),
    (
        "engine tests",
        "a payment that was taken back while it was in doubt is opened all the same",
        "core/src/flow/settle.rs",
        "    if payment.row.state == PaymentState::Open {\n        return;",
        "    if payment.row.state != PaymentState::Paid {\n        return;",
    ),
    (
        "engine tests",
        "quarantine forgets the bytes",
        "core/src/plan/admit.rs",
        "raw: message.raw.clone(),",
        "raw: Vec::new(),",
    ),
    (
        "model",
        "an ending is not counted in the ledger",
        "core/src/flow/settle.rs",
        "OperationState::Refused => work.ledger.refused += 1,",
        "OperationState::Refused => {}",
    ),
    (
        "simulation",
        "a message is acknowledged before the commit",
        "tests/src/simulate/replica.rs",
        "        while intake::admit(&engine, messages.clone()).await.is_err() {",
        "        shared.broker.acknowledge(connection, batch.len());\n"
        "        while intake::admit(&engine, messages.clone()).await.is_err() {",
    ),
    (
        "conformance, PostgreSQL",
        "lanes are loaded without a lock",
        "stores/postgres/src/load/lanes.rs",
        "\n            order by key, connector\n            for update",
        "\n            order by key, connector",
    ),
    (
        "conformance, PostgreSQL",
        "units that add codes and aliases do not wait for each other",
        "stores/postgres/src/codes.rs",
        "} else if work.dossiers",
        "} else if false && work.dossiers",
    ),
    (
        "engine tests",
        "an alarm on its way to the store holds nothing back",
        "core/src/flow/engine.rs",
        "known.alarms += 1",
        "known.alarms += 0",
    ),
    (
        "engine tests",
        "what was claimed while the partner worked goes while it is only tried",
        "core/src/flow/engine.rs",
        "!known.is_shut() && (!freely || known.is_plain())",
        "!known.is_shut() && (!freely || !known.is_shut())",
    ),
    (
        "engine tests",
        "a backlog is claimed place by place",
        "core/src/flow/engine.rs",
        "(limit / 4).clamp(1, batch)",
        "1",
    ),
    (
        "conformance, PostgreSQL",
        "out-events get their numbers in any order",
        "stores/postgres/src/write.rs",
        "    run(conn, sqlx::query!(\"select pg_advisory_xact_lock(hashtextextended('lienthong.outbox', 0))\")).await?;\n",
        "",
    ),
    (
        "conformance, PostgreSQL",
        "an update of no row counts as one",
        "stores/postgres/src/write.rs",
        "    if found == wanted as u64 { Ok(()) }",
        "    if found <= wanted as u64 { Ok(()) }",
    ),
    (
        "conformance, SQLite",
        "an update of no row counts as one",
        "stores/sqlite/src/write.rs",
        "    if found == wanted { Ok(()) }",
        "    if found <= wanted { Ok(()) }",
    ),
    (
        "conformance, SQLite",
        "a timer is given back by whoever had it once",
        "stores/sqlite/src/singleton.rs",
        "        fence.number,\n        next_at\n    )\n    .execute(conn)\n    .await\n    .map_err(store_error)?;\n"
        "    if done.rows_affected() == 1 {",
        "        fence.number,\n        next_at\n    )\n    .execute(conn)\n    .await\n    .map_err(store_error)?;\n"
        "    if done.rows_affected() <= 1 {",
    ),
    (
        "conformance, memory",
        "whoever was fenced off moves the cursor",
        "core/src/testing/memory/store.rs",
        "if tables.singletons.get(&fence.name).map(|l| l.fence) != Some(fence.number) {",
        "if tables.singletons.get(&fence.name).is_none() {",
    ),
]


# A check that is not over by then stands still for the mutant's sake: sound, each takes a few minutes at most.
PATIENCE = 1200  # seconds


def run(command, where):
    environment = {**os.environ, "SQLX_OFFLINE": "true", "RUST_BACKTRACE": "0", "PROPTEST_CASES": "3000"}
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=where, env=environment, start_new_session=True, **out)
    try:
        said = process.communicate(timeout=PATIENCE)[0]
        return process.returncode, said.splitlines()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return 1, ["test (it stood still) ... FAILED"]


def describe_statements(work, file, old, new):
    """Statements are checked at build time by their hash: what is known of the old ones holds of the new ones."""
    written = []
    cache = work / "/".join(file.split("/")[:2]) / ".sqlx"
    for known in list(cache.glob("query-*.json")) if cache.is_dir() else []:
        entry = json.loads(known.read_text(encoding="utf-8"))
        if old in entry["query"]:
            entry["query"] = entry["query"].replace(old, new)
            entry["hash"] = hashlib.sha256(entry["query"].encode()).hexdigest()
            path = cache / f"query-{entry['hash']}.json"
            path.write_text(json.dumps(entry), encoding="utf-8")
            written.append(path)
    return written


def who_noticed(lines):
    """The first test or seed that failed, or nothing: then it was the compiler."""
    for line in lines:
        failed = re.match(r"^(?:test )?(\S+?|\(.*\))(?: ---| \.\.\.) FAILED", line) or re.match(r"^(seed \d+: .*)", line)
        if failed:
            return failed[1].split("::")[-1][:110]
    return None


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", required=True, help="a copy of the checkout, with its own target folder")
    arguments.add_argument("--check", action="store_true", help="only see that every text stands where the list says")
    arguments.add_argument("--only", help="only mutants whose name or check contains this")
    options = arguments.parse_args()
    work = pathlib.Path(options.work)
    chosen = [m for m in MUTANTS if not options.only or options.only in m[1] or options.only in m[0]]
    for _, name, file, old, _ in chosen:
        found = (work / file).read_text(encoding="utf-8").count(old)
        if found != 1:
            sys.exit(f"{file}: the text of the mutant {name!r} stands there {found} times")
    if options.check:
        return
    survived = 0
    print("| Broken | Noticed by | There |\n|---|---|---|", flush=True)
    for check, name, file, old, new in chosen:
        path = work / file
        sound = path.read_text(encoding="utf-8")
        statements = describe_statements(work, file, old, new)
        path.write_text(sound.replace(old, new), encoding="utf-8")
        try:
            code, lines = run(CHECKS[check], work)
        finally:
            path.write_text(sound, encoding="utf-8")
            for statement in statements:
                statement.unlink()
        noticed = who_noticed(lines) if code else None
        if code and not noticed:
            sys.exit(f"{name}: no check ran\n" + "\n".join(lines[-30:]))
        survived += not noticed
        print(f"| {name} | {f'`{noticed}`' if noticed else 'NOBODY'} | {check} |", flush=True)
    print(f"\n{len(chosen)} mutants, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
