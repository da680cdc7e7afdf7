//! The items of a batch against each other and against what is stored: who is new, who came before, what things and people
//! they name.
use super::result::Outcome;
use crate::db::OrgTx;
use crate::db::consents::NewConsent;
use crate::db::entity_map;
use crate::db::events::ledger::{self, Claim, Known};
use crate::db::events::{self as rows, Received, Restated, Row, known};
use crate::db::privacy::{self, Gate, Marker};
use crate::events::{EntityKind, Event, Rejection, SlaClass, Warning, consent, fault};
use crate::ids::OrgId;
use crate::period::local_day;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// How long after its first receipt an event may be sent anew with other content (`events.md` §7).
const REPLACE_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// What an event that names no thing is about.
const NOTHING: (&str, &str) = ("org", "org");
/// Who did what nobody did.
const NOBODY: (&str, &str) = ("system", "");

/// Warnings of items, by their places.
pub type Warnings = BTreeMap<usize, Vec<Warning>>;

/// A batch on its way.
pub struct Batch<'a> {
    checked: &'a [Result<Event, Rejection>],
    /// What becomes of each item; of those that did not pass the check it says nothing.
    pub outcomes: Vec<Outcome>,
    warnings: Warnings,
    /// Places of the events that may be stored: each id once.
    fresh: Vec<usize>,
    /// Items with the content of an earlier one of the batch, and that one's place.
    twins: Vec<(usize, usize)>,
    now: Timestamp,
    canonical: HashMap<usize, String>,
    customers: HashMap<String, String>,
}

impl<'a> Batch<'a> {
    /// Items against each other: the first of an id counts, an equal one is a duplicate, another one a conflict.
    pub fn new(checked: &'a [Result<Event, Rejection>], now: Timestamp) -> Self {
        let mut batch = Self {
            checked,
            outcomes: vec![Outcome::Accepted; checked.len()],
            warnings: Warnings::new(),
            fresh: Vec::with_capacity(checked.len()),
            twins: Vec::new(),
            now,
            canonical: HashMap::new(),
            customers: HashMap::new(),
        };
        let mut first: HashMap<Uuid, usize> = HashMap::with_capacity(checked.len());
        for (place, item) in checked.iter().enumerate() {
            let Ok(event) = item else { continue };
            if event.denied() {
                batch.outcomes[place] = Outcome::Suppressed;
                continue;
            }
            match first.get(&event.id).map(|earlier| (*earlier, &checked[*earlier])) {
                None => {
                    first.insert(event.id, place);
                    batch.fresh.push(place);
                }
                Some((earlier, Ok(same))) if same.payload_hash == event.payload_hash => {
                    batch.outcomes[place] = Outcome::Duplicate;
                    batch.twins.push((place, earlier));
                }
                Some(_) => batch.outcomes[place] = Outcome::Rejected(fault::duplicate_conflict(now)),
            }
        }
        batch.check_order();
        batch
    }

    fn event(&self, place: usize) -> Option<&'a Event> {
        self.checked.get(place).and_then(|item| item.as_ref().ok())
    }

    fn fresh(&self) -> impl Iterator<Item = (usize, &'a Event)> + '_ {
        self.fresh.iter().filter_map(|place| Some((*place, self.event(*place)?)))
    }

    /// What marketers do in one session should come in the order in which they did it.
    fn check_order(&mut self) {
        let mut last: HashMap<&str, Timestamp> = HashMap::new();
        let mut disordered = Vec::new();
        for (place, event) in self.fresh() {
            let Some(session) = event.session_id.as_deref().filter(|_| event.class == SlaClass::Marketer)
            else {
                continue;
            };
            let last = last.entry(session).or_insert(event.occurred_at);
            if event.occurred_at < *last {
                disordered.push(place);
            }
            *last = event.occurred_at.max(*last);
        }
        for place in disordered {
            self.warn(place, fault::order_violation());
        }
    }

    fn warn(&mut self, place: usize, warning: Warning) {
        self.warnings.entry(place).or_default().push(warning);
    }

    /// Takes items out that storage knows better about. One that was stored before it was known stays stored: a retry is told
    /// so, whatever holds today.
    async fn reject(
        &mut self,
        tx: &mut OrgTx,
        org: OrgId,
        refused: Vec<(usize, crate::events::Fault)>,
    ) -> Result<(), sqlx::Error> {
        if refused.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> =
            refused.iter().filter_map(|(place, _)| self.event(*place)).map(|event| event.id).collect();
        let known: HashMap<Uuid, Known> =
            ledger::find(tx, org, &ids, false).await?.into_iter().map(|known| (known.id, known)).collect();
        for (place, fault) in refused {
            let Some(event) = self.event(place) else { continue };
            self.outcomes[place] = match known.get(&event.id) {
                Some(known) if known.payload_hash == event.payload_hash => Outcome::Duplicate,
                Some(known) if self.now.duration_since(known.first_received_at) > REPLACE_WITHIN => {
                    Outcome::Rejected(fault::duplicate_conflict(known.first_received_at))
                }
                _ => Outcome::Rejected(fault),
            };
        }
        let outcomes = &self.outcomes;
        self.fresh.retain(|place| outcomes[*place].is_stored());
        Ok(())
    }

    /// The things, people and tests that the events name. With `strict`, an event about an unknown thing is refused.
    pub async fn look_up(
        &mut self,
        tx: &mut OrgTx,
        org: OrgId,
        strict: bool,
        marker: &Marker,
    ) -> Result<(), sqlx::Error> {
        self.look_up_things(tx, org, strict).await?;
        self.look_up_people(tx, org, marker).await?;
        self.look_up_holdouts(tx, org).await
    }

    async fn look_up_things(&mut self, tx: &mut OrgTx, org: OrgId, strict: bool) -> Result<(), sqlx::Error> {
        let mut naming: HashMap<known::Named<'a>, Vec<usize>> = HashMap::new();
        for (place, event) in self.fresh() {
            if let Some((kind, id)) = &event.entity {
                let named = known::Named { kind: kind.as_str(), id, source: event.source.as_str() };
                naming.entry(named).or_default().push(place);
            }
        }
        if naming.is_empty() {
            return Ok(());
        }
        let (named, places): (Vec<_>, Vec<_>) = naming.into_iter().unzip();
        entity_map::pass(tx, org).await?;
        let mut found = vec![None; named.len()];
        for (at, canonical) in known::canonical(tx, org, &named).await? {
            if let Some(slot) = found.get_mut(at) {
                *slot = Some(canonical);
            }
        }
        let mut refused = Vec::new();
        for ((thing, places), canonical) in named.iter().zip(places).zip(found) {
            for place in places {
                match &canonical {
                    Some(canonical) => {
                        self.canonical.insert(place, canonical.clone());
                    }
                    None if strict => {
                        refused.push((place, fault::reference_unknown("entity.id", thing.kind, thing.id)))
                    }
                    None => self.warn(place, fault::entity_unmapped(thing.kind, thing.id)),
                }
            }
        }
        self.reject(tx, org, refused).await
    }

    async fn look_up_people(
        &mut self,
        tx: &mut OrgTx,
        org: OrgId,
        marker: &Marker,
    ) -> Result<(), sqlx::Error> {
        let named: BTreeSet<&str> = self.fresh().flat_map(|(_, event)| people_of(event)).collect();
        if !named.is_empty() {
            let named: Vec<&str> = named.into_iter().collect();
            privacy::pass(tx, org, Gate::Events).await?;
            let people = known::people(tx, org, &named, marker).await?;
            let of = |is: fn(&known::Person) -> bool| -> HashSet<&str> {
                people.iter().filter(|person| is(person)).map(|person| &*person.actor_id).collect()
            };
            let (denied, erased) = (of(|person| person.denied), of(|person| person.erased));
            self.suppress(|event| {
                let actor = event.actor.as_ref().map(|(_, id)| &**id);
                (event.behaviour && actor.is_some_and(|id| denied.contains(id)))
                    || people_of(event).any(|id| erased.contains(id))
            });
            let customer = |person: known::Person| Some((person.actor_id, person.customer_id?));
            self.customers = people.into_iter().filter_map(customer).collect();
        }
        Ok(())
    }

    /// Takes out what is about people who denied to be watched, or were erased: nothing of it is kept, its id neither.
    fn suppress(&mut self, is_unwanted: impl Fn(&Event) -> bool) {
        let checked = self.checked;
        let unwanted = |place: usize| matches!(checked.get(place), Some(Ok(event)) if is_unwanted(event));
        for place in self.fresh.iter().copied().filter(|place| unwanted(*place)) {
            self.outcomes[place] = Outcome::Suppressed;
        }
        let outcomes = &self.outcomes;
        self.fresh.retain(|place| outcomes[*place] != Outcome::Suppressed);
    }

    /// A delivery says whether its person was held out; the assignment of a running test knows.
    async fn look_up_holdouts(&mut self, tx: &mut OrgTx, org: OrgId) -> Result<(), sqlx::Error> {
        let delivered: Vec<(usize, &str, &str)> = self
            .fresh()
            .filter(|(_, event)| &*event.name == "campaign_delivered")
            .filter_map(|(place, event)| {
                Some((place, event.entity.as_ref()?.1.as_str(), event.actor.as_ref()?.1.as_str()))
            })
            .collect();
        if delivered.is_empty() {
            return Ok(());
        }
        let mut campaigns: BTreeSet<&str> = BTreeSet::new();
        for (place, campaign, _) in &delivered {
            campaigns.insert(campaign);
            campaigns.extend(self.canonical.get(place).map(String::as_str));
        }
        let campaigns: Vec<&str> = campaigns.into_iter().collect();
        let actors: Vec<&str> = delivered.iter().map(|(_, _, actor)| *actor).collect();
        let assigned: HashMap<(String, String), bool> = known::holdouts(tx, org, &campaigns, &actors)
            .await?
            .into_iter()
            .map(|one| ((one.campaign_id, one.actor_id), one.is_holdout))
            .collect();
        if assigned.is_empty() {
            return Ok(());
        }
        let group = |is_holdout: bool| if is_holdout { "holdout" } else { "treatment" };
        let mut refused = Vec::new();
        for (place, campaign, actor) in delivered {
            let of = |campaign: &str| assigned.get(&(campaign.to_owned(), actor.to_owned())).copied();
            let known = of(campaign).or_else(|| self.canonical.get(&place).and_then(|id| of(id)));
            let sent = self.event(place).is_some_and(says_holdout);
            if let Some(known) = known.filter(|known| *known != sent) {
                refused.push((place, fault::holdout_mismatch(group(known), campaign, group(sent))));
            }
        }
        self.reject(tx, org, refused).await
    }

    /// Takes the ids of the batch: those that were not there are new, others came before. Gives the late facts that were taken
    /// out because their content is replaced.
    pub async fn claim(
        &mut self,
        tx: &mut OrgTx,
        org: OrgId,
        now: Timestamp,
    ) -> Result<Vec<(Timestamp, Restated)>, sqlx::Error> {
        let mut claims: Vec<(Claim, usize)> =
            self.fresh().map(|(place, event)| (claim_of(event), place)).collect();
        claims.sort_unstable_by_key(|(claim, _)| claim.id);
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<Claim> = claims.iter().map(|(claim, _)| *claim).collect();
        let new = ledger::claim(tx, org, &wanted, now).await?;
        if new.len() == wanted.len() {
            return Ok(Vec::new());
        }
        let new: HashSet<Uuid> = new.into_iter().collect();
        let old: HashMap<Uuid, (Claim, usize)> = claims
            .into_iter()
            .filter(|(claim, _)| !new.contains(&claim.id))
            .map(|(claim, place)| (claim.id, (claim, place)))
            .collect();
        let ids: Vec<Uuid> = old.keys().copied().collect();
        let known = ledger::find(tx, org, &ids, false).await?;
        let changed: Vec<Known> = self.settle(known, &old, now);
        let mut removed = Vec::new();
        if !changed.is_empty() {
            let mut ids: Vec<Uuid> = changed.iter().map(|known| known.id).collect();
            ids.sort_unstable();
            // Looked at again under the lock: another batch may have replaced them in the meantime.
            let known = ledger::find(tx, org, &ids, true).await?;
            let changed = self.settle(known, &old, now);
            let claims: Vec<Claim> =
                changed.iter().filter_map(|known| old.get(&known.id)).map(|(claim, _)| *claim).collect();
            if !claims.is_empty() {
                removed = ledger::replace(tx, org, &claims, &changed, now).await?;
            }
        }
        let outcomes = &self.outcomes;
        self.fresh.retain(|place| outcomes[*place].is_stored());
        Ok(removed)
    }

    /// What becomes of items whose ids are known; gives those that are to be replaced.
    fn settle(
        &mut self,
        known: Vec<Known>,
        old: &HashMap<Uuid, (Claim, usize)>,
        now: Timestamp,
    ) -> Vec<Known> {
        let mut changed = Vec::new();
        for known in known {
            let Some((claim, place)) = old.get(&known.id) else { continue };
            let outcome = &mut self.outcomes[*place];
            if known.payload_hash == claim.payload_hash {
                *outcome = Outcome::Duplicate;
            } else if now.duration_since(known.first_received_at) <= REPLACE_WITHIN {
                *outcome = Outcome::Replaced;
                changed.push(known);
            } else {
                *outcome = Outcome::Rejected(fault::duplicate_conflict(known.first_received_at));
            }
        }
        changed
    }

    /// Writes what is new or replaced.
    pub async fn insert(
        &mut self,
        tx: &mut OrgTx,
        org: OrgId,
        received: &Received<'_>,
    ) -> Result<(), sqlx::Error> {
        self.settle_twins();
        let rows: Vec<Row<'_>> = self.fresh().map(|(place, event)| self.row(place, event)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        for there in rows::insert(tx, org, &rows, received).await? {
            let place = self.fresh().find(|(_, event)| event.id == there.id).map(|(place, _)| place);
            let Some((place, event)) = place.and_then(|place| Some((place, self.event(place)?))) else {
                continue;
            };
            self.outcomes[place] = if there.payload_hash == event.payload_hash {
                Outcome::Duplicate
            } else {
                Outcome::Rejected(fault::duplicate_conflict(there.received_at))
            };
        }
        let outcomes = &self.outcomes;
        self.fresh.retain(|place| outcomes[*place].is_stored());
        Ok(())
    }

    fn row<'b>(&'b self, place: usize, event: &'b Event) -> Row<'b> {
        let entity = event.entity.as_ref().map_or(NOTHING, |(kind, id)| (kind.as_str(), id.as_str()));
        let actor = event.actor.as_ref().map_or(NOBODY, |(kind, id)| (kind.as_str(), id.as_str()));
        Row {
            id: event.id,
            occurred_at: event.occurred_at,
            name: &event.name,
            source: event.source.as_str(),
            channel: event.channel.as_str(),
            entity_kind: entity.0,
            entity_id: entity.1,
            canonical_id: self.canonical.get(&place).map(String::as_str),
            actor_type: actor.0,
            actor_id: actor.1,
            customer_id: self.customers.get(actor.1).map(String::as_str),
            session_id: event.session_id.as_deref().unwrap_or_default(),
            session_seq: event.session_seq,
            value: event.value,
            currency: event.currency.as_deref(),
            props: &event.props,
            context: &event.context,
            ingest_lag_seconds: event.ingest_lag_seconds,
            late_arrival: event.late_arrival,
            backfill: event.backfill,
            schema_version: event.schema_version,
            scrubbed_fields: &event.scrubbed_fields,
            payload_hash: &event.payload_hash,
        }
    }

    /// The days, as the organisation counts them, that late events and those they replaced belong to; sorted, each once.
    pub fn late_days(&self, removed: Vec<(Timestamp, Restated)>, zone: &TimeZone) -> Vec<(Date, Restated)> {
        let stored =
            self.fresh().filter(|(_, event)| event.late_arrival || event.backfill).map(|(_, event)| {
                let (kind, id) =
                    event.entity.as_ref().map_or(NOTHING, |(kind, id)| (kind.as_str(), id.as_str()));
                let place = Restated {
                    entity_kind: kind.to_owned(),
                    entity_id: id.to_owned(),
                    channel: event.channel.as_str().to_owned(),
                };
                (event.occurred_at, place)
            });
        let days = stored.chain(removed).map(|(at, place)| (local_day(at, zone), place));
        days.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the stored events say about consent, refusals first: of two words at one instant the no stays.
    pub fn consents(&self) -> Vec<NewConsent<'_>> {
        let mut consents: Vec<NewConsent<'_>> = Vec::new();
        for (_, event) in self.fresh() {
            let Some((_, actor)) = event.actor.as_ref().filter(|(_, id)| !id.is_empty()) else { continue };
            let customer = self.customers.get(actor).unwrap_or(actor);
            consents.extend(consent::changes(event).into_iter().map(|change| NewConsent {
                customer,
                channel: change.channel.as_str(),
                recorded_at: event.occurred_at,
                status: change.status.as_str(),
                method: change.method.as_str(),
                region: "",
                evidence: &event.name,
                source: event.source.as_str(),
            }));
        }
        consents.sort_by_key(|consent| consent.status != "denied");
        consents
    }

    /// Whether the thing of an event is in the entity map.
    pub fn is_mapped(&self, place: usize) -> bool {
        self.canonical.contains_key(&place)
    }

    /// The twin of an item that storage refused is refused for the same reason, and suppressed with it.
    fn settle_twins(&mut self) {
        for (place, earlier) in &self.twins {
            let same = self.outcomes[*earlier].clone();
            if matches!(same, Outcome::Rejected(_) | Outcome::Suppressed) {
                self.outcomes[*place] = same;
            }
        }
    }

    /// What became of the items.
    pub fn end(self) -> (Vec<Outcome>, Warnings) {
        (self.outcomes, self.warnings)
    }
}

/// Whom an event is about: its actor, and the lead that it names.
fn people_of(event: &Event) -> impl Iterator<Item = &str> {
    let lead = event.entity.as_ref().filter(|(kind, _)| *kind == EntityKind::Lead);
    event.actor.iter().map(|(_, id)| id.as_str()).chain(lead.map(|(_, id)| id.as_str()))
}

fn claim_of(event: &Event) -> Claim {
    Claim {
        id: event.id,
        occurred_on: local_day(event.occurred_at, &TimeZone::UTC),
        payload_hash: event.payload_hash,
    }
}

/// `is_holdout` of a delivery; false where it says nothing.
fn says_holdout(event: &Event) -> bool {
    let props: Option<serde_json::Value> = serde_json::from_str(&event.props).ok();
    props.is_some_and(|props| props["is_holdout"] == true)
}
