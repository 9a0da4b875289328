//! The oracle must be able to fail: a perfect state has no differences, and every way of tampering with it has one.

use serde_json::{Value, json};

use super::*;
use crate::traffic;

fn published() -> (Oracle, Seen) {
    let lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);
    let seen = perfect(&oracle);
    (oracle, seen)
}

/// What ideal partners would have.
fn perfect(oracle: &Oracle) -> Seen {
    let mut seen = Seen::default();
    for (subject, life) in &oracle.lives {
        let code = life.portal_code(subject).to_owned();
        let field = |name: &str| life.dossier.get(name).cloned().unwrap_or_default();
        let urls = |list: &str, key: &str| -> Vec<Value> {
            field(list).as_array().into_iter().flatten().map(|row| json!({ key: row["url"] })).collect()
        };
        let (is_ended, is_born_there) = (life.status > Some(8), field("origin") == "portal");
        let end = |name: &str| if is_ended { dossier::stamp(&field(name)) } else { String::new() };
        let last = json!({
            "MaHoSo": code, "TrangThaiHoSo": life.status.unwrap_or(0).to_string(),
            "ChuHoSo": field("applicant")["name"], "SoDienThoai": field("applicant")["phone"],
            "NgayHenTra": dossier::stamp(&field("due_at")), "NoiNopHoSo": if is_born_there { "1" } else { "2" },
            "NgayKetThucXuLy": end("finished_at"), "NgayTra": end("returned_at"), "DuocThanhToanTrucTuyen": "2",
            "TaiLieuNop": urls("documents", "DuongDanTaiTepTin"),
            "DanhSachGiayToKetQua": urls("results", "DuongDanTepTinKetQua"),
        });
        let steps = life.steps.iter().map(|s| {
            json!({ "MaHoSo": code, "NoiDungXuLy": s.content, "ThoiDiemXuLy": s.at, "NguoiXuLy": s.officer,
                    "ChucDanh": s.title, "PhongBanXuLy": s.department, "TrangThai": s.status.to_string() })
        });
        let creates = u64::from(!is_born_there);
        seen.portal.insert(code.clone(), PortalDossier { last, creates, steps: steps.collect() });
        for (id, paying) in life.payments.iter().filter(|(_, p)| !p.is_settled_elsewhere) {
            let (content, amount) = (paying.content.clone(), paying.amount);
            seen.references.push(Reference {
                reference: id.clone(),
                dossier: code.clone(),
                content,
                amount,
                is_paid: true,
            });
        }
        for (id, posting) in life.parcels.iter().filter(|(_, p)| !p.is_cancelled) {
            let mut order = Order { number: id.clone(), ..Order::default() };
            *(if posting.is_pickup { &mut order.sender } else { &mut order.receiver }) =
                posting.citizen.clone();
            seen.orders.push(order);
        }
    }
    seen.ledgers = json!({
        "messages": { "received": oracle.lines, "admitted": oracle.admitted, "duplicate": oracle.duplicates,
                      "quarantined": oracle.broken.len(), "difference": 0 },
        "operations": { "difference": 0 },
    });
    seen
}

/// Tampers, and expects exactly the differences that contain these texts.
fn tampered(tamper: impl FnOnce(&mut Seen), says: &[&str]) {
    let (oracle, mut seen) = published();
    tamper(&mut seen);
    let found = oracle.differences(&seen, Allowance::default());
    assert_eq!(found.len(), says.len(), "{found:#?}");
    for said in says {
        assert!(found.iter().any(|f| f.contains(said)), "{said:?} is not in {found:#?}");
    }
}

fn some_dossier(seen: &mut Seen) -> &mut PortalDossier {
    seen.portal.values_mut().find(|d| d.steps.len() > 2).unwrap()
}

#[test]
fn a_perfect_state_has_no_differences() {
    tampered(|_| {}, &[]);
    let (oracle, seen) = published();
    assert!(
        seen.portal.len() == 60 && seen.references.len() > 5 && seen.orders.len() > 5,
        "the sample is too poor"
    );
    assert!(oracle.steps() > 200, "the sample is too poor");
}

#[test]
fn a_wrong_status_is_found() {
    tampered(|seen| some_dossier(seen).last["TrangThaiHoSo"] = json!("99"), &["TrangThaiHoSo"]);
}

#[test]
fn a_dossier_under_the_local_code_instead_of_the_portals_is_found() {
    let move_it = |seen: &mut Seen| {
        let code = seen.portal.keys().find(|c| c.starts_with("G22.99-")).unwrap().clone();
        let there = seen.portal.remove(&code).unwrap();
        seen.portal.insert("000.00.01.H99-260101-9999".into(), there);
        seen.references.retain(|r| r.dossier != code);
    };
    let (oracle, mut seen) = published();
    move_it(&mut seen);
    let found = oracle.differences(&seen, Allowance::default());
    assert!(found.iter().any(|f| f.contains("not at the portal")), "{found:?}");
    assert!(found.iter().any(|f| f.contains("nobody asked for it")), "{found:?}");
}

#[test]
fn old_fields_are_found() {
    tampered(|seen| some_dossier(seen).last["SoDienThoai"] = json!("0"), &["SoDienThoai"]);
    tampered(|seen| some_dossier(seen).last["NgayHenTra"] = json!("20200101000000"), &["NgayHenTra"]);
    tampered(|seen| some_dossier(seen).last["TaiLieuNop"] = json!([]), &["TaiLieuNop"]);
    tampered(|seen| some_dossier(seen).creates = 2, &["created"]);
}

#[test]
fn a_lost_step_is_found() {
    tampered(|seen| drop(some_dossier(seen).steps.pop()), &["steps arrived"]);
    tampered(|seen| drop(some_dossier(seen).steps.remove(1)), &["step 2 is"]);
}

#[test]
fn swapped_steps_are_found() {
    tampered(|seen| some_dossier(seen).steps.swap(0, 1), &["step 1 is"]);
}

#[test]
fn a_step_that_comes_again_later_is_found() {
    let repeat = |seen: &mut Seen| {
        let dossier = some_dossier(seen);
        dossier.steps.insert(2, dossier.steps[0].clone());
    };
    tampered(repeat, &["step 3 is"]);
}

#[test]
fn adjacent_identical_steps_are_counted_against_the_allowance() {
    let (oracle, mut seen) = published();
    let dossier = some_dossier(&mut seen);
    dossier.steps.insert(1, dossier.steps[0].clone());
    assert_eq!(oracle.doubled_steps(&seen), 1);
    assert_eq!(oracle.differences(&seen, Allowance::default()).len(), 1);
    let allowance = Allowance { adjacent_identical_steps: 1, ..Allowance::default() };
    assert_eq!(oracle.differences(&seen, allowance), Vec::<String>::new());
}

#[test]
fn payments_opened_never_twice_wrongly_or_unasked_are_found() {
    tampered(|seen| drop(seen.references.pop()), &["never opened"]);
    tampered(|seen| seen.references.push(seen.references[0].clone()), &["opened 2 times"]);
    tampered(|seen| seen.references[0].amount += 1, &["instead of"]);
    let other = Reference { dossier: "x".into(), content: "y".into(), ..Reference::default() };
    tampered(|seen| seen.references.push(other), &["nobody asked for it"]);
}

#[test]
fn money_that_the_portal_was_not_told_of_is_found() {
    let hide = |seen: &mut Seen| {
        let code = seen.references[0].dossier.clone();
        seen.portal.get_mut(&code).unwrap().last["DuocThanhToanTrucTuyen"] = json!("0");
    };
    tampered(hide, &["the portal was not told"]);
}

#[test]
fn parcels_ordered_never_twice_or_with_changes_are_found() {
    tampered(|seen| drop(seen.orders.pop()), &["not ordered"]);
    tampered(|seen| seen.orders.push(seen.orders[0].clone()), &["an order too many"]);
    tampered(|seen| seen.orders[0].conflicts = 1, &["other content"]);
    tampered(|seen| seen.orders[0].is_cancelled = true, &["not ordered", "an order too many"]);
}

#[test]
fn violations_and_ledgers_that_do_not_come_out_are_found() {
    tampered(|seen| seen.violations.push("DongBoHoSoMC x: MaHoSo: missing".into()), &["contract violated"]);
    tampered(|seen| seen.ledgers["operations"]["difference"] = json!(-1), &["operations does not come out"]);
    tampered(|seen| seen.ledgers["messages"]["admitted"] = json!(0), &["admitted"]);
    tampered(
        |seen| seen.ledgers = Value::Null,
        &["messages does", "operations does", "admitted", "duplicate", "quarantined", "fewer"],
    );
}

#[test]
fn every_kind_of_mess_is_recognised() {
    let lines = traffic::MESS.lines();
    let oracle = Oracle::of(&lines);
    for kind in
        ["no JSON", "no subject", "no such type", "an amount that is no", "the id of an earlier event"]
    {
        assert!(oracle.broken.iter().any(|b| b.why.contains(kind)), "{kind}: {:?}", oracle.broken);
    }
    assert!(oracle.duplicates > 0);
    assert_eq!(oracle.lines, oracle.admitted + oracle.duplicates + oracle.broken.len());
}
