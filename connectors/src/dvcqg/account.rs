//! The portal's account of an online applicant (`TraCuuTechID`), where the event does not name it. Kept for hours; whatever
//! the look-up comes to, the dossier goes out, with or without the account.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{clock::later, event::data::Dossier};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    exchange::{Effect, Visit},
    map::Mapped,
    wire::TraCuuTechID,
};

/// Who has an account keeps it.
const KNOWN_KEPT: SignedDuration = SignedDuration::from_hours(12);
/// Who has none may open one any time.
const NONE_KEPT: SignedDuration = SignedDuration::from_hours(1);
/// After a failure the portal is not asked about the same person for so long.
const FAILURE_KEPT: SignedDuration = SignedDuration::from_mins(1);
/// So many people are kept at most: then everything is forgotten at once.
const MOST: usize = 10_000;

/// Accounts by identity number; none: the person has none. In memory only.
#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<Kept>);

/// Until when, and the account, that there is none, or that nothing is known.
type Kept = HashMap<String, (Timestamp, Option<String>)>;

impl Accounts {
    /// Puts the applicant's account into an online dossier that names none.
    pub(super) async fn find(&self, visit: &mut Visit<'_>, dossier: &Dossier, mapped: &mut Mapped) {
        let is_online = mapped.dossier.KenhThucHien == "2";
        let number = dossier.applicant.as_ref().and_then(|a| a.id.as_ref()).map(|id| id.number.trim());
        let Some(number) = number.filter(|n| is_online && !n.is_empty()) else { return };
        if !visit.portal.config.look_up_account || !mapped.dossier.MaDoiTuong.is_empty() {
            return;
        }
        match self.of(visit, number).await {
            Some(account) => {
                visit.mask(&account);
                mapped.notes.assumed("MaDoiTuong", "the account that TraCuuTechID names");
                mapped.dossier.MaDoiTuong = account;
            }
            None => mapped.notes.left_out("MaDoiTuong", "TraCuuTechID names no account"),
        }
    }

    async fn of(&self, visit: &mut Visit<'_>, number: &str) -> Option<String> {
        let now = visit.now();
        if let Some((until, known)) = self.kept().get(number)
            && *until > now
        {
            return known.clone();
        }
        let question = TraCuuTechID { provider: "wso2is", mstorcmnd: number };
        let (account, kept) = match visit.ask(&question, Effect::None).await {
            Ok(reply) if reply.is_success() => {
                let rows = reply.rows().unwrap_or_default();
                let account = rows.first().and_then(|row| row.get("TECHNICALID")?.as_str()).map(str::trim);
                match account.filter(|a| !a.is_empty()) {
                    Some(account) => (Some(account.to_owned()), KNOWN_KEPT),
                    None => (None, NONE_KEPT),
                }
            }
            Ok(_) | Err(_) => (None, FAILURE_KEPT),
        };
        if visit.blocked().is_none() {
            let mut accounts = self.kept();
            if accounts.len() >= MOST {
                accounts.clear();
            }
            accounts.insert(number.to_owned(), (later(now, kept), account.clone()));
        }
        account
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
