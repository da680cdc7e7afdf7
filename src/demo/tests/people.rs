//! The last weeks person by person, and the club.
use super::*;

#[test]
fn the_last_weeks_are_seen_person_by_person() {
    let d = data();
    let ends = d.events.iter().map(|e| e.occurred_at).max().unwrap();
    assert!(ends < d.recorded_at, "{ends}");
    let within = |days: i64, name: &'static str| {
        d.events.iter().filter(move |e| e.name == name && age(local(e.occurred_at)) <= days)
    };
    let sent: BTreeSet<_> = within(35, "quote_submitted").map(|e| &e.actor_id).collect();
    let open: BTreeSet<_> =
        within(7, "quote_flow_started").map(|e| &e.actor_id).filter(|id| !sent.contains(id)).collect();
    let links: BTreeMap<_, _> = d.actor_links.iter().map(|l| (&l.actor_id, &l.customer_id)).collect();
    let agreed = |id: &&&rows::Id| {
        d.consents
            .iter()
            .any(|c| links.get(**id) == Some(&&c.customer_id) && c.channel == "ads" && c.status == "granted")
    };
    assert!(open.len() >= 110, "{}", open.len());
    assert!(open.iter().filter(agreed).count() >= 50);
    // As many begin a quote on a day as the funnel says.
    let begun = valid()
        .iter()
        .filter(|r| r.entity_kind == "event" && &*r.entity_id == "quote_started" && age(r.date) <= 28)
        .map(|r| r.conversions.0 / 1_000_000)
        .sum::<i64>();
    near(within(28, "quote_flow_started").count() as f64, begun as f64, 5.0);
    let mut views: BTreeMap<_, i64> = BTreeMap::new();
    for event in within(14, "page_view") {
        *views.entry(&event.actor_id).or_default() += 1;
    }
    assert!(views.values().filter(|n| **n >= 2).count() >= 30);
    assert!(within(28, "email_sent").count() > 2 * within(28, "email_opened").count());
    assert!(within(28, "email_unsubscribed").count() >= 5);
}

fn local(at: Timestamp) -> Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[test]
fn the_club_pays_what_its_movements_add_up_to() {
    let d = data();
    let mut paid: BTreeMap<_, i64> = BTreeMap::new();
    for one in &d.mrr_movements {
        assert!(one.date < TODAY);
        *paid.entry(&one.subscription_id).or_default() += one.mrr_delta.0;
    }
    for sub in &d.subscriptions {
        assert_eq!(paid.get(&sub.id).copied().unwrap_or(0), sub.mrr.0, "{} {}", sub.id, sub.status);
    }
    let count = |status: &str| d.subscriptions.iter().filter(|s| s.status == status).count();
    assert!(count("active") > 200 && count("canceled") > 100 && count("trialing") > 0, "{}", count("active"));
    for kind in ["new", "expansion", "contraction", "churn", "reactivation"] {
        let last_year = d.mrr_movements.iter().filter(|m| m.kind == kind && age(m.date) <= 365).count();
        assert!(last_year >= 3, "{kind}: {last_year}");
    }
    let told = &truth_of(d)["club"];
    near(told["mrr"].as_f64().unwrap(), paid.values().sum::<i64>() as f64 / 1e6, 0.01);
}
