//! Dossiers born on the portal whose status is told by `DongBoTrangThaiHoSo`, alone or after the dossier (contract 7.2). The
//! same version of a dossier gives the same bytes: a status that is told twice is recognisably the same.

use lienthong_core::{
    dossier::DossierState,
    outcome::{Cause, Outcome, Proof},
};
use serde_json::{Value, json};

use super::{
    Dvcqg, PortalBorn,
    classify::{self, Meaning},
    exchange::{Effect, Visit},
    notes::Notes,
    procedure,
    wire::{DongBoTrangThaiHoSo, TrangThaiHoSo},
};

/// The status to be told, or why none is.
pub(super) type Status = Option<(TrangThaiHoSo, Notes)>;

impl Dvcqg {
    /// How this dossier is kept in step: none for one that was born here.
    pub(super) fn born_by(&self, state: &DossierState) -> Option<PortalBorn> {
        let entry = state.procedure().and_then(|local| procedure::national(local, &self.config.procedures));
        let how = self.config.portal_born_of(entry.and_then(|(_, entry)| entry));
        state.is_portal_born().then_some(how)
    }

    /// Tells the status, and nothing else.
    pub(super) async fn tell_status(
        &self,
        visit: &mut Visit<'_>,
        status: Status,
    ) -> Result<Outcome, Outcome> {
        let Some((status, notes)) = status else {
            return Ok(not_sent("by born_statuses the portal is not told of this status"));
        };
        let service = DongBoTrangThaiHoSo { r#type: "2", data: &status };
        let reply = visit.ask(&service, Effect::Write).await?;
        if classify::meaning(&reply, &self.config) != Meaning::Success {
            let personal = visit.personal();
            let (exists, unknown) = (Cause::DataRefused, Cause::UnknownThere);
            return Ok(classify::refusal(&reply, &self.config, &personal, exists, unknown));
        }
        let mut proof = classify::proof(&reply, &self.config, &visit.personal());
        proof.facts.insert("mode".into(), json!("status"));
        if let Ok(told) = status.TrangThai.parse::<u8>() {
            proof.facts.insert("portal_status".into(), json!(told));
        }
        notes.write(&mut proof.facts);
        Ok(Outcome::Done(proof))
    }

    /// Tells the status after the dossier itself was taken.
    pub(super) async fn also_tell_status(
        &self,
        visit: &mut Visit<'_>,
        mut synced: Proof,
        status: Status,
    ) -> Outcome {
        match self.tell_status(visit, status).await.unwrap_or_else(|outcome| outcome) {
            Outcome::Done(told) => {
                synced.facts.insert("status_told".into(), Value::Object(told.facts));
                Outcome::Done(synced)
            }
            // The dossier exists and its status was not told: as a whole neither done nor not done. Both are sent again.
            Outcome::NotDone(setback) => Outcome::unclear(setback.cause, after_sync(&setback.said)),
            Outcome::Refused(mut refusal) => {
                refusal.said = after_sync(&refusal.said);
                Outcome::Refused(refusal)
            }
            other => other,
        }
    }
}

/// Nothing had to be sent.
pub(super) fn not_sent(why: &str) -> Outcome {
    let mut proof = Proof { said: format!("not sent: {why}"), ..Proof::default() };
    proof.facts.insert(Proof::NOT_SENT.into(), json!(why));
    Outcome::Done(proof)
}

fn after_sync(said: &str) -> String {
    format!("DongBoHoSoMC was accepted, then DongBoTrangThaiHoSo: {said}")
}
