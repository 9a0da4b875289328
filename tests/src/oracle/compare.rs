//! Differences between what must be and what is, each as a sentence that names the dossier.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Oracle,
    dossier::{Life, Step, stamp, text},
    seen::{Order, PortalDossier, Reference, Seen},
};

/// What a run may do beyond the ideal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowance {
    /// Steps that may stand twice, next to each other and identical: those in flight when a process was killed.
    pub adjacent_identical_steps: usize,
    /// Messages that the broker may have delivered again: those not acknowledged when a process was killed.
    pub redelivered: bool,
}

/// What kind of promise a difference breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something that was published has not arrived.
    Lost,
    /// Something stands there twice that may not.
    Doubled,
    /// Something stands there in another order.
    Reordered,
    /// Something stands there that nobody asked for, or with another content.
    Wrong,
    /// An account does not come out.
    Ledger,
    /// A partner's contract was broken.
    Contract,
}

/// Something that is not as it must be.
#[derive(Debug, Clone)]
pub struct Difference {
    pub kind: Kind,
    /// A sentence that names the dossier.
    pub said: String,
}

impl Kind {
    fn said(self, said: String) -> Difference {
        Difference { kind: self, said }
    }
}

impl Oracle {
    /// Everything that is not as it must be, as sentences; empty is good.
    pub fn differences(&self, seen: &Seen, allowance: Allowance) -> Vec<String> {
        self.judge(seen, allowance).into_iter().map(|difference| difference.said).collect()
    }

    /// Everything that is not as it must be; empty is good.
    pub fn judge(&self, seen: &Seen, allowance: Allowance) -> Vec<Difference> {
        let violations = seen.violations.iter();
        let mut found: Vec<Difference> =
            violations.map(|v| Kind::Contract.said(format!("contract violated: {v}"))).collect();
        let mut doubled = 0;
        let mut expected = BTreeSet::new();
        for (subject, life) in self.known() {
            let code = life.portal_code(subject);
            expected.insert(code.to_owned());
            match seen.portal.get(code) {
                Some(there) => {
                    found.extend(state(code, life, there));
                    doubled += steps(code, &life.steps, &there.steps, &mut found);
                }
                None => found.push(Kind::Lost.said(format!("{code}: not at the portal"))),
            }
        }
        if doubled > allowance.adjacent_identical_steps {
            let allowed = allowance.adjacent_identical_steps;
            found.push(
                Kind::Doubled
                    .said(format!("{doubled} steps stand twice, next to each other; allowed: {allowed}")),
            );
        }
        for code in seen.portal.keys().filter(|code| !expected.contains(*code)) {
            found.push(Kind::Wrong.said(format!("{code}: at the portal, but nobody asked for it")));
        }
        self.payments(seen, &mut found);
        self.parcels_compared(seen, &mut found);
        self.ledgers(&seen.ledgers, allowance, &mut found);
        found
    }

    /// Steps that stand twice, next to each other and identical.
    pub fn doubled_steps(&self, seen: &Seen) -> usize {
        let mut ignored = Vec::new();
        self.known()
            .filter_map(|(subject, life)| {
                let code = life.portal_code(subject);
                Some(steps(code, &life.steps, &seen.portal.get(code)?.steps, &mut ignored))
            })
            .sum()
    }

    fn payments(&self, seen: &Seen, found: &mut Vec<Difference>) {
        let mut there: BTreeMap<(&str, &str), Vec<&Reference>> = BTreeMap::new();
        for known in &seen.references {
            there.entry((&known.dossier, &known.content)).or_default().push(known);
        }
        for (subject, life) in self.known() {
            let code = life.portal_code(subject);
            for (id, paying) in &life.payments {
                let references = there.remove(&(code, &paying.content)).unwrap_or_default();
                match (references.as_slice(), paying.is_settled_elsewhere) {
                    ([], false) => found.push(Kind::Lost.said(format!("{id}: never opened"))),
                    ([one], _) if one.amount != paying.amount => {
                        found.push(
                            Kind::Wrong.said(format!(
                                "{id}: opened with {} instead of {}",
                                one.amount, paying.amount
                            )),
                        );
                    }
                    ([] | [_], _) => {}
                    (many, _) => found.push(Kind::Doubled.said(format!("{id}: opened {} times", many.len()))),
                }
            }
        }
        for (code, content) in there.keys() {
            found.push(Kind::Wrong.said(format!("{code}: {content:?} opened, but nobody asked for it")));
        }
        for paid in seen.references.iter().filter(|r| r.is_paid) {
            let is_ours = self
                .payable()
                .any(|(_, code, paying)| code == paid.dossier && paying.content == paid.content);
            let shown = seen.portal.get(&paid.dossier).map(|d| text(&d.last, "DuocThanhToanTrucTuyen"));
            if is_ours && shown.as_deref().is_none_or(|s| s.is_empty() || s == "0") {
                found.push(
                    Kind::Lost.said(format!("{}: paid online, and the portal was not told", paid.dossier)),
                );
            }
        }
    }

    fn parcels_compared(&self, seen: &Seen, found: &mut Vec<Difference>) {
        let mut there: Vec<&Order> = seen.orders.iter().collect();
        let end = |order: &Order, is_pickup: bool| {
            if is_pickup { order.sender.clone() } else { order.receiver.clone() }
        };
        for (id, posting) in self.lives.values().flat_map(|life| &life.parcels) {
            let at = there.iter().position(|o| {
                end(o, posting.is_pickup) == posting.citizen && o.is_cancelled == posting.is_cancelled
            });
            match at {
                Some(at) => drop(there.remove(at)),
                None if posting.is_cancelled => {}
                None => found.push(Kind::Lost.said(format!("{id}: not ordered"))),
            }
        }
        for order in there {
            found.push(
                Kind::Doubled.said(format!("{}: an order too many, for {:?}", order.number, order.receiver)),
            );
        }
        for order in seen.orders.iter().filter(|o| o.conflicts > 0) {
            found.push(Kind::Doubled.said(format!("{}: ordered again with other content", order.number)));
        }
    }

    fn ledgers(&self, ledgers: &Value, allowance: Allowance, found: &mut Vec<Difference>) {
        let number = |ledger: &str, entry: &str| ledgers[ledger][entry].as_i64();
        for ledger in ["messages", "operations"] {
            if number(ledger, "difference") != Some(0) {
                found.push(
                    Kind::Ledger
                        .said(format!("the ledger of {ledger} does not come out: {}", ledgers[ledger])),
                );
            }
        }
        let mut wanted = vec![("admitted", self.admitted)];
        if !allowance.redelivered {
            wanted.extend([("duplicate", self.duplicates), ("quarantined", self.broken.len())]);
        }
        for (entry, count) in wanted {
            if number("messages", entry) != i64::try_from(count).ok() {
                found.push(
                    Kind::Ledger.said(format!(
                        "{entry}: {:?} messages instead of {count}",
                        number("messages", entry)
                    )),
                );
            }
        }
        if number("messages", "quarantined") < i64::try_from(self.broken.len()).ok() {
            found.push(
                Kind::Ledger.said(format!("fewer quarantined than the {} broken lines", self.broken.len())),
            );
        }
    }
}

/// The last state of a dossier.
fn state(code: &str, life: &Life, there: &PortalDossier) -> Vec<Difference> {
    let of = |field: &str| life.dossier.get(field).cloned().unwrap_or_default();
    let applicant = of("applicant");
    let status = life.status.map_or_else(String::new, |s| s.to_string());
    let ends = |field: &str| stamp(&of(field));
    let mut wanted = vec![
        ("MaHoSo", code.to_owned()),
        ("TrangThaiHoSo", status.clone()),
        ("ChuHoSo", text(&applicant, "name")),
        ("SoDienThoai", text(&applicant, "phone")),
        ("NgayHenTra", ends("due_at")),
        ("NoiNopHoSo", if of("origin") == "portal" { "1" } else { "2" }.to_owned()),
    ];
    if ["9", "10"].contains(&status.as_str()) {
        wanted.extend([("NgayKetThucXuLy", ends("finished_at")), ("NgayTra", ends("returned_at"))]);
    }
    let mut found: Vec<Difference> = wanted
        .into_iter()
        .filter(|(field, value)| text(&there.last, field) != *value)
        .map(|(field, value)| {
            Kind::Wrong.said(format!("{code}: {field} is {} instead of {value:?}", there.last[field]))
        })
        .collect();
    let set = |list: &Value, field: &str| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().map(|row| text(row, field)).collect()
    };
    for (list, ours, field, name) in [
        ("TaiLieuNop", "documents", "DuongDanTaiTepTin", "url"),
        ("DanhSachGiayToKetQua", "results", "DuongDanTepTinKetQua", "url"),
    ] {
        let (is, must) = (set(&there.last[list], field), set(&of(ours), name));
        if is != must {
            found.push(Kind::Wrong.said(format!("{code}: {list} is {is:?} instead of {must:?}")));
        }
    }
    let is_born_there = of("origin") == "portal";
    if there.creates != u64::from(!is_born_there) {
        found.push(Kind::Doubled.said(format!("{code}: created {} times at the portal", there.creates)));
    }
    found
}

/// Compares steps in order; answers how many stand twice, next to each other and identical.
fn steps(code: &str, must: &[Step], is: &[Value], found: &mut Vec<Difference>) -> usize {
    let (mut at, mut doubled) = (0, 0);
    for (position, there) in is.iter().enumerate() {
        if must.get(at).is_some_and(|step| is_step(code, step, there)) {
            at += 1;
        } else if at > 0 && position > 0 && is.get(position - 1) == Some(there) {
            doubled += 1;
        } else {
            let wanted =
                must.get(at).map_or("nothing more".to_owned(), |s| format!("{} {:?}", s.at, s.content));
            let got = format!("{} {}", there["ThoiDiemXuLy"], there["NoiDungXuLy"]);
            found.push(
                Kind::Reordered.said(format!("{code}: step {} is {got} instead of {wanted}", position + 1)),
            );
            return doubled;
        }
    }
    if at < must.len() {
        found.push(Kind::Lost.said(format!("{code}: {} of {} steps arrived", at, must.len())));
    }
    doubled
}

fn is_step(code: &str, step: &Step, there: &Value) -> bool {
    let wanted = [
        ("MaHoSo", code.to_owned()),
        ("NoiDungXuLy", step.content.clone()),
        ("ThoiDiemXuLy", step.at.clone()),
        ("NguoiXuLy", step.officer.clone()),
        ("ChucDanh", step.title.clone()),
        ("PhongBanXuLy", step.department.clone()),
        ("TrangThai", step.status.to_string()),
    ];
    wanted.iter().all(|(field, value)| text(there, field) == *value)
}
