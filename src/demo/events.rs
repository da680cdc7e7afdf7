//! The last five weeks seen person by person: quote forms begun and sent, city pages looked at, mails sent, opened and
//! clicked. Earlier weeks are kept as daily sums only, as a company with an event retention would.
use super::calendar::Calendar;
use super::draw::Draw;
use super::email::{CART_FLOW, newsletter};
use super::plan::CURRENCY;
use super::rows::{ActorLink, Consent, Customer, Event, Hash, Id, Lead};
use super::shop::CITIES;
use crate::db::load::Micros;
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DAYS: i64 = 35;
/// Of those who begin a quote and do not send it: who left an address, and who is a customer already.
const LEFT_ADDRESS: f64 = 0.72;
const IS_CUSTOMER: f64 = 0.10;

#[derive(Default)]
pub struct Happenings {
    pub events: Vec<Event>,
    pub links: Vec<ActorLink>,
    /// People who left an address and bought nothing.
    pub contacts: Vec<Customer>,
    pub consents: Vec<Consent>,
}

/// What is known of the account when its people are followed.
pub struct Known<'a> {
    pub leads: &'a [Lead],
    /// Goals of each day, as the funnel counts them.
    pub goals: &'a [[(&'static str, i64); 4]],
    pub customers: &'a [Customer],
    pub consents: &'a [Consent],
}

pub fn generate(seed: u64, calendar: &Calendar, known: &Known<'_>) -> Happenings {
    let mut follow = Follow {
        draw: Draw::new(seed, "events"),
        calendar,
        known,
        end: calendar.at(calendar.day_of_age(1), 86_399),
        people: 0,
        out: Happenings::default(),
    };
    let first = calendar.day_of_age(DAYS.min(calendar.len() as i64));
    for lead in known.leads.iter().filter(|lead| lead.created_on >= first) {
        follow.lead(lead);
    }
    for (index, date) in calendar.days.iter().copied().enumerate().filter(|(_, date)| *date >= first) {
        let goal = |name: &str| known.goals[index].iter().find(|(id, _)| *id == name).map_or(0, |(_, n)| *n);
        for _ in 0..goal("quote_started") - goal("quote_submitted") {
            follow.gives_up(date);
        }
        follow.cities(date);
    }
    follow.mails(first);
    follow.out
}

struct Follow<'a> {
    draw: Draw,
    calendar: &'a Calendar,
    known: &'a Known<'a>,
    end: Timestamp,
    people: usize,
    out: Happenings,
}

/// Somebody an event is about.
#[derive(Clone)]
struct Who {
    kind: &'static str,
    actor: Id,
    customer: Option<Id>,
}

impl Follow<'_> {
    fn event(
        &mut self,
        at: Timestamp,
        name: &'static str,
        who: &Who,
        about: (&'static str, Id),
        props: Value,
    ) {
        if at > self.end {
            return;
        }
        let id = self.draw.uuid();
        let mail = name.starts_with("email_");
        self.out.events.push(Event {
            id,
            occurred_at: at,
            name,
            source: if mail { "klaviyo" } else { "web" },
            channel: if mail { "email" } else { "unknown" },
            entity_kind: about.0,
            entity_id: about.1,
            actor_type: who.kind,
            actor_id: who.actor.clone(),
            customer_id: who.customer.clone(),
            props,
            received_at: at.checked_add(2.seconds()).unwrap_or(at),
            ingested_via: if mail { "connector" } else { "api" },
            payload_hash: Hash::of(&id.to_string()),
        });
    }

    fn later(&mut self, at: Timestamp, minutes: f64) -> Timestamp {
        at.checked_add(((minutes * 60.0) as i64).seconds()).unwrap_or(at)
    }

    fn lead(&mut self, lead: &Lead) {
        let who = Who {
            kind: "contact",
            actor: lead.customer_id.clone().unwrap_or_else(|| lead.id.clone()),
            customer: None,
        };
        let form = ("page", Id::from(if lead.flow == "quote" { "/quote" } else { "/consultation" }));
        if lead.flow == "quote" {
            let begun = -self.draw.between(2.0, 15.0);
            let begun = self.later(lead.created_at, begun);
            self.event(begun, "quote_flow_started", &who, form.clone(), json!({"flow": lead.flow}));
            self.event(lead.created_at, "quote_submitted", &who, form, json!({"flow": lead.flow}));
        }
        let created = self.later(lead.created_at, 0.05);
        self.event(created, "lead_created", &who, ("lead", lead.id.clone()), json!({"flow": lead.flow}));
    }

    /// Somebody of the site: anonymous, a contact with an address, or a customer.
    fn visitor(&mut self, at: Timestamp, address: f64) -> Who {
        self.people += 1;
        let actor: Id = format!("web:q{}", 50_000 + self.people).into();
        let draw = self.draw.unit();
        let customer = if draw < IS_CUSTOMER && !self.known.customers.is_empty() {
            let index = self.draw.below(self.known.customers.len());
            Some(self.known.customers[index].id.clone())
        } else if draw < IS_CUSTOMER + address {
            Some(self.contact(&actor, at))
        } else {
            None
        };
        if let Some(customer_id) = &customer {
            self.out.links.push(ActorLink { actor_id: actor.clone(), customer_id: customer_id.clone() });
        }
        Who { kind: "anonymous", actor, customer }
    }

    fn contact(&mut self, actor: &Id, at: Timestamp) -> Id {
        let city = self.draw.weighted(&CITIES.map(|c| c.3));
        let id: Id = format!("web:c{}", 50_000 + self.people).into();
        let mail = self.draw.chance(0.66);
        self.out.contacts.push(Customer {
            id: id.clone(),
            source: "web",
            kind: "contact",
            email_hash: Some(Hash::of(&format!("{actor}@contacts.fernhill.example"))),
            country: CITIES[city].1,
            city: CITIES[city].0,
            birth_year: None,
            accepts_marketing: mail,
            first_order_at: None,
            last_order_at: None,
            orders_count: 0,
            total_spent: Micros(0),
            ltv: Micros(0),
            currency: CURRENCY,
            first_touch: json!({}),
            last_touch: json!({}),
        });
        for (channel, granted) in [("email", mail), ("ads", self.draw.chance(0.9))] {
            self.out.consents.push(Consent {
                customer_id: id.clone(),
                channel,
                recorded_at: at,
                status: if granted { "granted" } else { "denied" },
                method: "single",
                region: CITIES[city].1,
                evidence: "form",
                source: "web",
            });
        }
        id
    }

    fn gives_up(&mut self, date: Date) {
        let at = self.calendar.instant(date, &mut self.draw);
        let who = self.visitor(at, LEFT_ADDRESS);
        self.event(at, "quote_flow_started", &who, ("page", "/quote".into()), json!({"flow": "quote"}));
    }

    /// Visits of the local pages: most come once, a fifth comes back.
    fn cities(&mut self, date: Date) {
        for (city, _, weight, _) in CITIES.iter().take(7) {
            let page = Id::from(format!("/teams/{}", city.to_lowercase()).as_str());
            for _ in 0..self.draw.poisson(weight * 30.0) {
                let at = self.calendar.instant(date, &mut self.draw);
                let who = self.visitor(at, 0.25);
                let props = json!({"page_type": "city", "city": city});
                self.event(at, "page_view", &who, ("page", page.clone()), props.clone());
                if self.draw.chance(0.22) {
                    let again = self.draw.lognormal(1_440.0, 0.9);
                    let again = self.later(at, again);
                    self.event(again, "page_view", &who, ("page", page.clone()), props);
                }
            }
        }
    }

    /// The newsletter of each Thursday, and reminders to those who filled a cart: some get one or two a week.
    fn mails(&mut self, first: Date) {
        let mut latest: BTreeMap<&Id, &Consent> = BTreeMap::new();
        for consent in self.known.consents.iter().filter(|c| c.channel == "email") {
            let held = latest.entry(&consent.customer_id).or_insert(consent);
            if consent.recorded_at >= held.recorded_at {
                *held = consent;
            }
        }
        let readers: Vec<(&Consent, bool)> = latest
            .into_values()
            .filter(|consent| consent.status == "granted")
            .map(|consent| (consent, self.draw.chance(0.13)))
            .collect();
        for (consent, often) in readers {
            let who = Who {
                kind: "customer",
                actor: consent.customer_id.clone(),
                customer: Some(consent.customer_id.clone()),
            };
            let mut left = false;
            for date in self.calendar.days.iter().copied().filter(|date| *date >= first) {
                let mut messages = Vec::new();
                if date.weekday() == Weekday::Thursday {
                    messages.push((newsletter(date), 9 * 3_600, 0.28));
                }
                if often && self.draw.chance(0.24) {
                    messages.push(("klaviyo:m-cart-1".into(), 17 * 3_600, 0.34));
                }
                for (message, seconds, open) in messages {
                    let at = self.calendar.at(date, seconds + self.draw.below(1_800) as i64);
                    if !left && at > consent.recorded_at {
                        left = self.mail(
                            &who,
                            message,
                            at,
                            if often { open * 0.8 } else { open },
                            often,
                            consent,
                        );
                    }
                }
            }
        }
    }

    /// One mail to one reader; says whether it was the last one.
    fn mail(
        &mut self,
        who: &Who,
        message: Id,
        at: Timestamp,
        open: f64,
        often: bool,
        consent: &Consent,
    ) -> bool {
        let props = if message.contains("m-cart") { json!({"flow": CART_FLOW}) } else { json!({}) };
        let about = ("email", message);
        self.event(at, "email_sent", who, about.clone(), props.clone());
        if !self.draw.chance(open) {
            return false;
        }
        let hours = self.draw.lognormal(260.0, 1.1);
        let opened = self.later(at, hours);
        self.event(opened, "email_opened", who, about.clone(), props.clone());
        if self.draw.chance(0.11) {
            let clicked = self.later(opened, 1.0);
            self.event(clicked, "email_clicked", who, about.clone(), props.clone());
        }
        if !self.draw.chance(if often { 0.022 } else { 0.004 }) {
            return false;
        }
        let gone = self.later(opened, 2.0);
        if gone > self.end {
            return false;
        }
        self.event(gone, "email_unsubscribed", who, about, props);
        let (status, method, evidence, source) = ("denied", "single", "unsubscribe link", "klaviyo");
        self.out.consents.push(Consent {
            recorded_at: gone,
            status,
            method,
            evidence,
            source,
            ..consent.clone()
        });
        true
    }
}
