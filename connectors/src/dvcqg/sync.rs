//! `SyncDossier`: create or update. The dossier is Safe to send again: the portal's key is its code and every write is
//! the full state.

use lienthong_core::{
    dossier::DossierState,
    event::data::Dossier,
    need::Need,
    outcome::{Cause, Outcome, Proof},
    port::connector::{Call, Task},
};
use serde_json::{Value, json};

use super::{
    Dvcqg, LookUp, PortalBorn, ProcedureEntry,
    catalogue::Basis,
    classify::{self, Meaning},
    exchange::{Effect, Visit},
    look_up,
    map::{self, Mapped},
    wire::{DongBoHoSoMC, Reply},
};

/// The two forms of `DongBoHoSoMC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Create,
    Update,
}

/// A dossier in the portal's form.
struct Whole {
    /// The national code of its procedure.
    code: String,
    entry: Option<ProcedureEntry>,
    mapped: Mapped,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

impl Dvcqg {
    /// The whole attempt.
    pub(super) async fn sync_dossier(&self, task: &Task, call: &Call<'_>) -> Outcome {
        self.try_sync(task, call, None).await.unwrap_or_else(|outcome| outcome)
    }

    /// The same for a dossier of a former system: one look-up, and nothing is sent if the portal knows it.
    pub(super) async fn adopt_dossier(&self, task: &Task, call: &Call<'_>) -> Outcome {
        self.try_adopt(task, call).await.unwrap_or_else(|outcome| outcome)
    }

    async fn try_adopt(&self, task: &Task, call: &Call<'_>) -> Result<Outcome, Outcome> {
        let (state, dossier) = Self::typed(task)?;
        let mut visit = Visit::new(self, call, map::personal(&dossier));
        if self.config.look_up == LookUp::Never {
            return Err(Outcome::Held(Need::Setting("look_up".to_owned())));
        }
        // An earlier attempt of ours may have created it, in whatever state: then it is sent in full.
        let is_there = is_known(&mut visit, state.portal_code().as_str()).await?;
        if is_there && !task.begun {
            let mut proof = Proof { said: "TraCuuHoSo: known".to_owned(), ..Proof::default() };
            proof.facts.insert("found".into(), Value::Bool(true));
            return Ok(Outcome::Done(proof));
        }
        self.try_sync(task, call, Some(is_there)).await
    }

    /// `is_there`: what the portal was asked already.
    async fn try_sync(
        &self,
        task: &Task,
        call: &Call<'_>,
        is_there: Option<bool>,
    ) -> Result<Outcome, Outcome> {
        let (state, dossier) = Self::typed(task)?;
        // Everything is mapped before anything is sent.
        let map = |b: &Basis| {
            let how = self.born_by(state);
            let status = match how {
                Some(PortalBorn::Status | PortalBorn::Both) => {
                    Some(map::born_status(state, &dossier, &b.config, &self.manifest.id)?)
                }
                None | Some(PortalBorn::Full) => None,
            };
            let whole = match how {
                Some(PortalBorn::Status) => None,
                None | Some(PortalBorn::Full | PortalBorn::Both) => Some(self.whole(b, state, &dossier)?),
            };
            Ok((whole, status))
        };
        let (whole, status) = self.mapped(call, map).await?;
        let mut visit = Visit::new(self, call, map::personal(&dossier));
        let synced = match whole {
            Some(whole) => Some(self.sync_full(&mut visit, task, &dossier, whole, is_there).await?),
            None => None,
        };
        match (synced, status) {
            (Some(Outcome::Done(proof)), Some(status)) => {
                Ok(self.also_tell_status(&mut visit, proof, status).await)
            }
            (Some(synced), _) => Ok(synced),
            (None, status) => self.tell_status(&mut visit, status.flatten()).await,
        }
    }

    /// The whole dossier in the portal's form, but for the names of its procedure.
    fn whole(&self, basis: &Basis, state: &DossierState, dossier: &Dossier) -> Result<Whole, Outcome> {
        let (code, entry) = self.procedure_of(basis, state, dossier)?;
        let mapped = map::dossier(state, dossier, &code, &basis.config, &self.manifest.id)?;
        Ok(Whole { code, entry, mapped })
    }

    /// Sends the whole dossier.
    async fn sync_full(
        &self,
        visit: &mut Visit<'_>,
        task: &Task,
        dossier: &Dossier,
        whole: Whole,
        is_there: Option<bool>,
    ) -> Result<Outcome, Outcome> {
        let (state, _) = Self::typed(task)?;
        let Whole { code, entry, mut mapped } = whole;
        let names = self.catalogue.names(visit, &code, entry.as_ref(), dossier.procedure.as_ref()).await?;
        mapped.name(names, &self.config)?;
        self.accounts.find(visit, dossier, &mut mapped).await;
        let exists = match is_there {
            Some(is_there) => is_there,
            None if task.acknowledged => true,
            None => {
                let may_know = task.begun || state.is_portal_born();
                match self.config.look_up {
                    LookUp::Never => state.is_portal_born(),
                    LookUp::InDoubt if !may_know => false,
                    LookUp::Always | LookUp::InDoubt => is_known(visit, &mapped.dossier.MaHoSo).await?,
                }
            }
        };
        let mode = if exists { Mode::Update } else { Mode::Create };
        let reply = write(visit, &mapped, mode).await?;
        match (mode, classify::meaning(&reply, &self.config)) {
            (_, Meaning::Success) => Ok(done(visit, &mapped, &reply, mode, &[])),
            (Mode::Create, Meaning::Exists) => self.update_existing(task, visit, &mapped, &reply).await,
            (Mode::Update, Meaning::Unknown) => self.create_lost(visit, &mapped).await,
            _ => Ok(self.refused(visit, &reply, mode)),
        }
    }

    /// A create met a dossier with our code: our own of an earlier attempt, or one to be adopted if a look-up shows it.
    async fn update_existing(
        &self,
        task: &Task,
        visit: &mut Visit<'_>,
        mapped: &Mapped,
        exists: &Reply,
    ) -> Result<Outcome, Outcome> {
        let is_asked = !task.begun && self.config.look_up != LookUp::Never;
        if is_asked && !is_known(visit, &mapped.dossier.MaHoSo).await? {
            return Ok(self.refused(visit, exists, Mode::Create));
        }
        let reply = write(visit, mapped, Mode::Update).await?;
        let how = if task.begun { "repeated" } else { "adopted" };
        match classify::meaning(&reply, &self.config) {
            Meaning::Success => Ok(done(visit, mapped, &reply, Mode::Update, &[how])),
            _ => Ok(self.refused(visit, &reply, Mode::Update)),
        }
    }

    /// An update met nothing: the portal has lost it, or never had it.
    async fn create_lost(&self, visit: &mut Visit<'_>, mapped: &Mapped) -> Result<Outcome, Outcome> {
        let reply = write(visit, mapped, Mode::Create).await?;
        match classify::meaning(&reply, &self.config) {
            Meaning::Success => Ok(done(visit, mapped, &reply, Mode::Create, &["recreated"])),
            _ => Ok(self.refused(visit, &reply, Mode::Create)),
        }
    }

    /// "Not found" to a create is about something else than the dossier: a procedure, a unit.
    fn refused(&self, visit: &Visit<'_>, reply: &Reply, mode: Mode) -> Outcome {
        let unknown = if mode == Mode::Update { Cause::UnknownThere } else { Cause::DataRefused };
        classify::refusal(reply, &self.config, &visit.personal(), Cause::ForeignRecord, unknown)
    }
}

/// Whether the portal knows the dossier.
async fn is_known(visit: &mut Visit<'_>, code: &str) -> Result<bool, Outcome> {
    Ok(!look_up::rows(visit, code).await?.is_empty())
}

async fn write(visit: &mut Visit<'_>, mapped: &Mapped, mode: Mode) -> Result<Reply, Outcome> {
    let updating = if mode == Mode::Update { "True" } else { "False" };
    let dossier = mapped.dossier.sent(&visit.portal.config.omit_empty);
    let dossier = dossier.map_err(|e| Outcome::not_done(Cause::Internal, e.to_string()))?;
    visit.ask(&DongBoHoSoMC { isUpdating: updating, data: [dossier] }, Effect::Write).await
}

fn done(visit: &Visit<'_>, mapped: &Mapped, reply: &Reply, mode: Mode, how: &[&str]) -> Outcome {
    let mut proof = classify::proof(reply, &visit.portal.config, &visit.personal());
    proof.facts.insert("mode".into(), json!(mode.word()));
    // The number as this deployment sends it: what the portal shows from now on.
    if let Ok(status) = mapped.dossier.TrangThaiHoSo.parse::<u8>() {
        proof.facts.insert("portal_status".into(), json!(status));
    }
    for fact in how {
        proof.facts.insert((*fact).to_owned(), Value::Bool(true));
    }
    proof.repeated = how.contains(&"repeated");
    mapped.notes.write(&mut proof.facts);
    Outcome::Done(proof)
}
