#!/usr/bin/env python3
"""Breaks a rule of the engine on purpose, one at a time, and shows that a check notices.

Works on a copy of the checkout (`--work DIR`), never on the checkout itself. Each mutant is a text that is replaced in
one file; the check must fail with it. Ends with `N mutants, M survived`.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

SIMULATION = ["cargo", "run", "-q", "-p", "lienthong-tests", "--bin", "simulate", "--", "--seeds", "400"]
ENGINE = ["cargo", "test", "-q", "-p", "lienthong-core", "--all-features"]

# name, file, what stands there, what stands there instead
MUTANTS = [
    (
        "a lost claim is taken for unsent although it is in hand",
        "core/src/flow/execute.rs",
        "lane.held_claim().is_some_and(|claim| !in_hand.contains(&claim))",
        "lane.held_claim().is_some()",
    ),
    (
        "nobody looks for claims whose answer was lost",
        "core/src/flow/execute.rs",
        "if engine.in_hand.is_in_doubt() {",
        "if false {",
    ),
    (
        "the lease is not checked before sending",
        "core/src/flow/execute.rs",
        "if lease.saturating_sub(claimed_at.elapsed()) < deadline + engine.settings.lease_margin",
        "if lease.is_zero()",
    ),
    (
        "a lease that ran out makes the operation ready instead of doubtful",
        "core/src/policy/decide.rs",
        "    operation.attempts += 1;\n    doubt_it(operation, &doubt, terms);\n}",
        "    operation.attempts += 1;\n    let _ = doubt;\n"
        "    move_to(operation, OperationState::Ready, terms.now, None, None);\n}",
    ),
    (
        "the settling window is skipped",
        "core/src/policy/decide.rs",
        "let due = later(terms.now, terms.settling);",
        "let due = terms.now;",
    ),
    (
        "the claim number does not fence an outcome",
        "core/src/flow/settle.rs",
        "let is_ours = loaded.row.claim == assignment.claim && loaded.row.head == Some(assignment.operation.id);",
        "let is_ours = loaded.row.head == Some(assignment.operation.id);",
    ),
    (
        "the relay goes on behind a batch that was not confirmed whole",
        "core/src/flow/relay.rs",
        "published.checked_sub(1)",
        "rows.len().max(published).checked_sub(1)",
    ),
    (
        "the same tidings of money are applied again",
        "core/src/plan/tidings.rs",
        "let is_same = reference.state == ReferenceState::Paid",
        "let is_same = false && reference.state == ReferenceState::Paid",
    ),
    (
        "a doubtful payment counts as absent when the question failed",
        "core/src/policy/decide.rs",
        "            let (state, due) = (operation.state, later(terms.now, ASK_AGAIN));\n"
        "            move_to(operation, state, due, Some(*cause), Some(said));",
        "            let _ = said;\n"
        "            move_to(operation, OperationState::Succeeded, terms.now, Some(*cause), None);",
    ),
    (
        "a newer state stands in for one that is on its way",
        "core/src/plan/queue.rs",
        "(acknowledged && waits && !old.begun)",
        "(acknowledged || waits || !old.begun)",
    ),
    (
        "a doubt is repeated without asking who can be asked",
        "core/src/flow/probe.rs",
        "if is_asked {",
        "if is_asked && false {",
    ),
    (
        "half-open lets two operations try at once",
        "core/src/policy/allowance.rs",
        "Phase::HalfOpen { .. } => Some(1),",
        "Phase::HalfOpen { .. } => Some(2),",
    ),
    (
        "what runs in other processes is not counted",
        "core/src/flow/settle.rs",
        "most.saturating_sub(running)",
        "most.saturating_sub(running * 0)",
    ),
    (
        "a partner's setback is counted against the operation while it is down",
        "core/src/flow/settle.rs",
        "(!condition.is_plain() && is_spared(",
        "(false && is_spared(",
    ),
    (
        "a return that fails begins a new incident",
        "core/src/policy/health.rs",
        "known.map_or((now, 0), |t| (t.since, t.trials.saturating_add(1)))",
        "known.map_or((now, 0), |t| (now, t.trials.saturating_add(1)))",
    ),
    (
        "more is handed over than there are permits",
        "core/src/flow/intake.rs",
        "(id.clone(), permits.len(), engine.lease(id))",
        "(id.clone(), permits.len() + 3, engine.lease(id))",
    ),
    (
        "a payment that was taken back is opened all the same",
        "core/src/plan/money.rs",
        "let annulled = annul(work, rules, &lane, kind, why)?;",
        "let annulled = annul(work, rules, &lane, kind, why)? && false;",
    ),
]


def run(command, where):
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", required=True, help="a copy of the checkout, with its own target folder")
    arguments.add_argument("--only", help="only mutants whose name contains this")
    options = arguments.parse_args()
    work = pathlib.Path(options.work)
    survived = []
    chosen = [m for m in MUTANTS if not options.only or options.only in m[0]]
    for name, file, old, new in chosen:
        path = work / file
        sound = path.read_text(encoding="utf-8")
        if sound.count(old) != 1:
            sys.exit(f"{file}: the text of the mutant {name!r} stands there {sound.count(old)} times")
        path.write_text(sound.replace(old, new), encoding="utf-8")
        try:
            code, lines = run(["cargo", "check", "-q", "-p", "lienthong-core"], work)
            if code:
                sys.exit(f"{name}: does not compile\n" + "\n".join(lines[-20:]))
            caught = None
            for what, command in [("simulation", SIMULATION), ("engine tests", ENGINE)]:
                code, lines = run(command, work)
                if code:
                    said = [line for line in lines if line.startswith("seed ") or "FAILED" in line]
                    caught = f"{what}: {said[0][:160] if said else lines[-1]}"
                    break
        finally:
            path.write_text(sound, encoding="utf-8")
        print(f"{'caught' if caught else 'SURVIVED':8}  {name}  [{caught or ''}]", flush=True)
        if not caught:
            survived.append(name)
    print(f"{len(chosen)} mutants, {len(survived)} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
