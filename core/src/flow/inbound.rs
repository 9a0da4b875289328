//! What a partner sends by itself: believed, stored, read, told once in one unit of work, answered exactly as the partner
//! expects. While our store is down the answer makes the partner repeat. Files that came as addresses are fetched by a timer,
//! and hold nothing up.

use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

use crate::{
    clock::later,
    event::rejection::storable,
    flow::{
        callback::keep,
        engine::{Engine, Member},
        reconcile::QUESTION,
    },
    id::{ConnectorId, DossierCode, RowId, UnitCode},
    plan::{out::tell, rules::Rules},
    port::{
        connector::{Call, CallbackAnswer, Codes},
        inbound::{
            Became, FileIn, FileNews, FileRecord, FileSource, FileState, InboundRequest, InboundResult, Item,
            Known, Message, NotFetched, Said, ToldRecord, Unread, WholeFile,
        },
        store::{Door, StoreError, decide},
        work::{CallbackVerdict, IncidentRecord, Scope, Work},
    },
};

/// So much of what is wrong with a request is kept and logged, in characters.
const SAID: usize = 300;
/// Files that one run of the timer fetches.
const FILES: i64 = 50;

/// Whether the sender may come in.
#[derive(Debug)]
pub enum Admission {
    /// There is nothing here.
    Nowhere,
    /// Not believed: the answer.
    Refused(CallbackAnswer),
    /// With a body of at most so many bytes.
    Welcome(usize),
}

/// Judges the sender by what comes before the body: nobody else's body is read, let alone stored.
pub fn admit(engine: &Engine, connector: &ConnectorId, request: &InboundRequest) -> Admission {
    let member = engine.members.get(connector);
    let Some(inbound) = member.and_then(|m| m.connector.inbound()).filter(|i| i.has(&request.http.path))
    else {
        return Admission::Nowhere;
    };
    match inbound.admit(request) {
        Ok(()) => Admission::Welcome(inbound.largest_body()),
        Err(said) => {
            tracing::warn!(%connector, peer = ?request.peer, %said, "a sender was not believed");
            Admission::Refused(answered(engine, connector, request, &InboundResult::Refused))
        }
    }
}

/// The connectors that take what their partners send by themselves.
pub fn doors(engine: &Engine) -> impl Iterator<Item = &ConnectorId> {
    engine.members.iter().filter(|(_, member)| member.connector.inbound().is_some()).map(|(id, _)| id)
}

/// The answer to a result, counted.
pub fn answered(
    engine: &Engine,
    connector: &ConnectorId,
    request: &InboundRequest,
    result: &InboundResult,
) -> CallbackAnswer {
    let name = match result {
        InboundResult::Taken(_) => "taken",
        InboundResult::Found(..) | InboundResult::NotFound => "asked",
        InboundResult::Unread(_) => "unread",
        InboundResult::Refused => "refused",
        InboundResult::TooLarge => "too_large",
        InboundResult::Unavailable => "unavailable",
    };
    metrics::counter!("lienthong_inbound_total", "partner" => connector.to_string(), "result" => name)
        .increment(1);
    match engine.members.get(connector).and_then(|m| m.connector.inbound()) {
        Some(inbound) => inbound.answer(request, result),
        None => CallbackAnswer { status: 404, content_type: "text/plain", body: String::new() },
    }
}

/// Takes a request whose sender was admitted.
pub async fn receive(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    request: InboundRequest,
) -> CallbackAnswer {
    let Some(member) = engine.members.get(connector) else {
        return answered(engine, connector, &request, &InboundResult::Unavailable);
    };
    // A partner that hangs up before our answer has told us all the same.
    let taken = take(Arc::clone(engine), Arc::clone(member), request.clone());
    let result = engine.finish(taken).await.unwrap_or_else(|error| {
        tracing::error!(%error, %connector, "a partner's request could not be stored; the partner has to repeat it");
        InboundResult::Unavailable
    });
    answered(engine, connector, &request, &result)
}

/// Keeps the request, then reads it and does what it says.
async fn take(
    engine: Arc<Engine>,
    member: Arc<Member>,
    request: InboundRequest,
) -> Result<InboundResult, StoreError> {
    let connector = &member.manifest.id;
    let Some(inbound) = member.connector.inbound() else { return Ok(InboundResult::Unavailable) };
    let row = keep(&engine, connector, &request.http, Door::Inbound, &inbound.secret_headers()).await?;
    match inbound.read(&request) {
        Ok(Said::News(items)) => {
            let became = apply(&engine, connector, row, items.into()).await?;
            engine.wake();
            Ok(InboundResult::Taken(became))
        }
        Ok(Said::Question(code)) => answer_question(&engine, row, &code).await,
        Err(unread) => {
            let (Unread::Unparsable(said) | Unread::Invalid(said)) = &unread;
            let said = storable(said, SAID);
            tracing::warn!(request = row, %said, "a partner's request could not be read");
            let verdict =
                CallbackVerdict { callback: row, identity: None, verdict: format!("unread: {said}") };
            let judged = move |work: &mut Work| work.callbacks.push(verdict.clone());
            decide(&*engine.store, Scope::default(), judged).await?;
            Ok(InboundResult::Unread(unread))
        }
    }
}

/// A look-up in our own projection.
async fn answer_question(engine: &Arc<Engine>, row: RowId, code: &str) -> Result<InboundResult, StoreError> {
    let book = Codes::book(&**engine, false).await?;
    let code = DossierCode::parse(code).ok();
    let scope = Scope { dossiers: code.iter().cloned().collect(), ..Scope::default() };
    let found = decide(&*engine.store, scope, move |work| {
        let found = code.as_ref().and_then(|code| work.dossier(code)).filter(|d| d.version > 0);
        let found = found.map(|dossier| Arc::clone(&dossier.state));
        let verdict = if found.is_some() { "asked" } else { "not_found" };
        work.callbacks.push(CallbackVerdict { callback: row, identity: None, verdict: verdict.to_owned() });
        found
    })
    .await?;
    let now = engine.clock.now();
    Ok(found.map_or(InboundResult::NotFound, |state| InboundResult::Found(state, book, now)))
}

/// Tells what was not told before, all parts in one unit.
async fn apply(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    row: RowId,
    items: Arc<[Item]>,
) -> Result<Vec<(String, Became)>, StoreError> {
    let mut scope = Scope::default();
    for item in &*items {
        let Item::Message(message) = item else { continue };
        scope.inbound.insert((connector.clone(), message.identity.clone()));
        if message.known != Known::Nothing {
            scope.dossiers.extend(DossierCode::parse(&message.subject).ok());
        }
        if let Known::DossierOr(identity) = &message.known {
            scope.inbound.insert((connector.clone(), identity.clone()));
        }
    }
    let (rules, connector) = (Arc::clone(&engine.rules), connector.clone());
    let base = engine.settings.public_url.clone().unwrap_or_default();
    decide(&*engine.store, scope, move |work| {
        let teller = Teller { rules: &rules, connector: &connector, base: &base, row };
        let became: Vec<_> = items.iter().map(|item| teller.item(work, item)).collect();
        let verdict = storable(&verdict(&became), SAID * 10);
        work.callbacks.push(CallbackVerdict { callback: row, identity: None, verdict });
        became
    })
    .await
}

struct Teller<'a> {
    rules: &'a Rules,
    connector: &'a ConnectorId,
    base: &'a str,
    row: RowId,
}

impl Teller<'_> {
    fn item(&self, work: &mut Work, item: &Item) -> (String, Became) {
        match item {
            Item::Faulty { subject, said } => (subject.clone(), Became::Faulty(said.clone())),
            Item::Message(message) => (message.subject.clone(), self.message(work, message)),
        }
    }

    fn message(&self, work: &mut Work, message: &Message) -> Became {
        let key = (self.connector.clone(), message.identity.clone());
        match work.inbound.known.get(&key) {
            Some(hash) if *hash == message.hash => return Became::Repeated,
            Some(_) => {
                work.opened.push(IncidentRecord {
                    key: format!("inbound:{}:{}", self.connector, message.identity),
                    connector: Some(self.connector.clone()),
                    said: format!("request {} says something else than what was told before", self.row),
                });
                return Became::Conflict;
            }
            None => {}
        }
        let dossier = DossierCode::parse(&message.subject).ok();
        let dossier = dossier.and_then(|code| work.dossier(&code).map(|d| (d.code.clone(), d.unit.clone())));
        let is_known = match &message.known {
            Known::Nothing => true,
            Known::Dossier => dossier.is_some(),
            Known::DossierOr(identity) => {
                let earlier = (self.connector.clone(), identity.clone());
                dossier.is_some() || work.inbound.known.contains_key(&earlier)
            }
        };
        if !is_known {
            return Became::Unknown;
        }
        let (subject, unit) = match dossier {
            Some((code, unit)) => (code.to_string(), unit.or_else(|| message.unit.clone())),
            None => (message.subject.clone(), message.unit.clone()),
        };
        self.tell(work, message, subject, unit);
        work.inbound.known.insert(key, message.hash);
        Became::Told
    }

    fn tell(&self, work: &mut Work, message: &Message, subject: String, unit: Option<UnitCode>) {
        let mut data = message.data.clone();
        let mut listed = Vec::new();
        for file in &message.files {
            let id = work.id();
            let link = format!("{}/v1/files/{id}", self.base);
            let (record, content) = self.file(id, file, &subject, work);
            if let Some(object) =
                file.at.as_deref().and_then(|at| data.pointer_mut(at)).and_then(Value::as_object_mut)
            {
                object.insert("url".into(), json!(link));
            }
            listed.push(json!({
                "id": id, "name": record.name, "url": link, "state": record.state.name(),
                "media_type": record.media_type, "size_bytes": record.size, "said": record.said,
            }));
            work.inbound.files.push((record, content));
        }
        if let Some(object) = data.as_object_mut().filter(|_| !listed.is_empty()) {
            object.insert("files".into(), Value::Array(listed));
        }
        let about = format!("{}:{}", self.connector, message.identity);
        tell(work, self.rules, message.name, &subject, unit.as_ref(), &about, data);
        work.inbound.told.push(ToldRecord {
            connector: self.connector.clone(),
            identity: message.identity.clone(),
            hash: message.hash,
            request: self.row,
            name: message.name.to_owned(),
            subject,
        });
    }

    fn file(&self, id: RowId, file: &FileIn, subject: &str, work: &Work) -> WholeFile {
        let mut record = FileRecord {
            id,
            connector: self.connector.clone(),
            request: self.row,
            subject: subject.to_owned(),
            name: file.name.clone(),
            state: FileState::Stored,
            media_type: None,
            size: None,
            address: None,
            tries: 0,
            next_at: None,
            said: String::new(),
            created_at: work.now,
        };
        let mut content = None;
        match &file.source {
            FileSource::Content(bytes, media_type) => {
                record.media_type = Some((*media_type).to_owned());
                record.size = i64::try_from(bytes.len()).ok();
                content = Some(Arc::clone(bytes));
            }
            FileSource::Address(address) => {
                record.state = FileState::Waiting;
                record.address = Some(address.clone());
                record.next_at = Some(work.now);
            }
            FileSource::Refused(said) => {
                record.state = FileState::Refused;
                record.said.clone_from(said);
            }
        }
        (record, content)
    }
}

/// What became of a request in a word, and what a person should know of its parts.
fn verdict(became: &[(String, Became)]) -> String {
    let word_of = |became: &Became| match became {
        Became::Told => "told",
        Became::Repeated => "repeated",
        Became::Conflict => "conflict",
        Became::Unknown => "unknown",
        Became::Faulty(_) => "faulty",
    };
    let words: BTreeSet<&str> = became.iter().map(|(_, became)| word_of(became)).collect();
    let word = match words.iter().collect::<Vec<_>>().as_slice() {
        [] => "empty",
        [one] => one,
        _ if words.iter().all(|word| ["told", "repeated"].contains(word)) => "told",
        _ => "partly",
    };
    let further = became.iter().filter_map(|(subject, became)| match became {
        Became::Told | Became::Repeated => None,
        Became::Faulty(said) => Some(format!("{subject} ({said})")),
        Became::Conflict | Became::Unknown if word == word_of(became) => Some(subject.clone()),
        Became::Conflict | Became::Unknown => Some(format!("{subject} ({})", word_of(became))),
    });
    let further: Vec<String> = further.collect();
    if further.is_empty() { word.to_owned() } else { format!("{word}: {}", further.join(", ")) }
}

/// Fetches files whose time has come. One that fails is tried again on the schedule of operations; after its end it stays
/// unfetched, and says so.
pub async fn fetch(engine: &Arc<Engine>, member: &Member) -> Result<(), StoreError> {
    let Some(inbound) = member.connector.inbound() else { return Ok(()) };
    if member.is_shut() {
        return Ok(());
    }
    for file in engine.store.files_to_fetch(&member.manifest.id, FILES).await? {
        let address = file.address.as_deref().unwrap_or_default();
        let call = Call { now: engine.clock.now(), deadline: QUESTION, sessions: &**engine };
        let fetched = tokio::time::timeout(QUESTION, inbound.fetch(address, &call)).await;
        let fetched =
            fetched.unwrap_or_else(|_| Err(NotFetched { said: "no answer in time".into(), is_final: false }));
        let news = match fetched {
            Ok(fetched) => FileNews::Stored(fetched.content.into(), fetched.media_type.to_owned()),
            Err(NotFetched { said, is_final: true }) => FileNews::Ended(FileState::Refused, said),
            Err(NotFetched { said, .. }) => {
                match engine.settings.retry.delay(file.tries + 1, file.id, None) {
                    Some(delay) => FileNews::Later(said, later(engine.store.now().await?, delay)),
                    None => FileNews::Ended(FileState::Failed, said),
                }
            }
        };
        if let FileNews::Later(said, _) | FileNews::Ended(_, said) = &news {
            tracing::warn!(file = file.id, %said, "a partner's file was not fetched");
        }
        engine.store.settle_file(file.id, &news).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_in_a_word_what_became_of_all_parts_and_names_those_to_look_at() {
        let part = |subject: &str, became: Became| (subject.to_owned(), became);
        assert_eq!(verdict(&[part("A", Became::Told), part("B", Became::Repeated)]), "told");
        assert_eq!(verdict(&[part("A", Became::Repeated)]), "repeated");
        assert_eq!(verdict(&[part("A", Became::Told), part("B", Became::Unknown)]), "partly: B (unknown)");
        assert_eq!(verdict(&[part("A", Became::Unknown)]), "unknown: A");
        assert_eq!(verdict(&[part("A", Became::Faulty("SO_TIEN".into()))]), "faulty: A (SO_TIEN)");
        assert_eq!(verdict(&[]), "empty");
    }
}
