//! Diff lines: what would change, rendered by the server from `before` and the payload, never from model prose.
use super::DraftError;
use super::action::Action;
use super::before::pages;
use super::facts::{CampaignFacts, Facts};
use super::proposal::{Ad, Audience, Brief, Budget, Negatives, Pause, Proposal, Reallocation, Resume};
use super::words::{amount, change, count, plain, share, signed};
use crate::text::{clean, similarity};
use rust_decimal::Decimal;

/// One line a field; `+` and `−` for items of lists.
pub fn diff(action: &Action, proposal: &Proposal, facts: &Facts) -> Result<Vec<String>, DraftError> {
    Ok(match proposal {
        Proposal::Budget(b) => budget(action, b, facts.campaign()?),
        Proposal::Pause(p) => pause(action, p, facts.campaign()?),
        Proposal::Resume(r) => resume(action, r, facts.campaign()?),
        Proposal::Reallocate(r) => reallocation(action, r, facts)?,
        Proposal::Negatives(n) => negatives(action, n, facts)?,
        Proposal::Brief(b) => brief(action, b, facts),
        Proposal::Ad(a) => ad(action, a, facts),
        Proposal::Audience(a) => audience(action, a, facts),
    })
}

fn money(campaign: &CampaignFacts, value: Decimal) -> String {
    amount(value, campaign.currency.exponent())
}

fn budget(action: &Action, b: &Budget, campaign: &CampaignFacts) -> Vec<String> {
    let (old, new) = (b.current_daily_budget, b.new_daily_budget);
    let week = (new - old) * Decimal::from(7);
    let effect = if new > old { "extra_spend" } else { "saved_spend" };
    let mut lines = vec![
        format!(
            "{}: {} → {} {} ({})",
            action.label("daily_budget"),
            money(campaign, old),
            money(campaign, new),
            campaign.currency,
            change(old, new)
        ),
        format!("{}: ≈ {} {}", action.label(effect), money(campaign, week.abs()), campaign.currency),
    ];
    let cap = b.cap.map(|cap| money(campaign, cap));
    lines.extend(cap.map(|cap| format!("{}: {cap} {}", action.label("cap"), campaign.currency)));
    lines
}

fn pause(action: &Action, p: &Pause, campaign: &CampaignFacts) -> Vec<String> {
    let (daily, _) = campaign.history.mean_daily();
    let week = campaign.history.totals(7);
    let at_risk = week.revenue_base.checked_div(campaign.rate).unwrap_or_default();
    let cur = campaign.currency;
    let mut lines = vec![
        format!("{}: {} → PAUSED", action.label("status"), campaign.row.status.to_uppercase()),
        format!("{}: ≈ {} {cur}", action.label("saved_spend"), money(campaign, daily)),
        format!("{}: ≈ {} {cur}", action.label("revenue_at_risk"), money(campaign, at_risk)),
    ];
    lines.extend(p.resume_at.map(|at| format!("{}: {at}", action.label("resume"))));
    lines
}

fn resume(action: &Action, r: &Resume, campaign: &CampaignFacts) -> Vec<String> {
    let mut lines =
        vec![format!("{}: {} → ACTIVE", action.label("status"), campaign.row.status.to_uppercase())];
    let old = campaign.budget().unwrap_or_default();
    let cur = campaign.currency;
    if let Some(new) = r.new_daily_budget.filter(|new| *new != old) {
        let label = action.label("daily_budget");
        lines.push(format!(
            "{label}: {} → {} {cur} ({})",
            money(campaign, old),
            money(campaign, new),
            change(old, new)
        ));
    }
    let week = r.new_daily_budget.unwrap_or(old) * Decimal::from(7);
    lines.push(format!("{}: ≈ {} {cur}", action.label("extra_spend"), money(campaign, week)));
    lines
}

fn reallocation(action: &Action, r: &Reallocation, facts: &Facts) -> Result<Vec<String>, DraftError> {
    let [from, to] = facts.campaigns.as_slice() else {
        return Err(DraftError::Broken("a reallocation needs two campaigns".to_owned()));
    };
    let mut lines = Vec::new();
    for (campaign, end) in [(from, &r.from), (to, &r.to)] {
        lines.push(format!(
            "{}: {} → {} {} ({})",
            clean(&campaign.row.name, 80),
            money(campaign, end.current),
            money(campaign, end.new),
            campaign.currency,
            change(end.current, end.new)
        ));
    }
    let net = (r.to.new - r.to.current) * to.rate - (r.from.current - r.from.new) * from.rate;
    let net = amount(net, facts.org.currency.exponent());
    lines.push(format!("{} {net}/day", action.label("net")));
    lines.push(format!("{}: {} to {}", action.label("days"), r.start_date, r.end_date));
    for step in &r.ramp {
        lines.push(format!(
            "{} {}: {} and {}",
            action.label("ramp"),
            step.date,
            money(from, step.from_new),
            money(to, step.to_new)
        ));
    }
    if r.restore_at_end {
        lines.push(format!("{} {}", action.label("restore"), r.end_date));
    }
    Ok(lines)
}

fn negatives(action: &Action, n: &Negatives, facts: &Facts) -> Result<Vec<String>, DraftError> {
    let campaign = facts.campaign()?;
    let terms = facts.terms.clone().unwrap_or_default();
    let mut lines: Vec<String> = n
        .keywords
        .iter()
        .map(|keyword| {
            let hit: Vec<_> =
                terms.terms.iter().filter(|t| super::guard::matches(keyword, &t.term)).collect();
            if hit.is_empty() {
                let never = action.label("never");
                return format!("+ {} {} — {never}", quoted(&keyword.text), keyword.match_type.as_str());
            }
            let conversions: Decimal = hit.iter().map(|t| t.conversions_30).sum();
            let cost: Decimal = hit.iter().map(|t| t.cost_30).sum();
            format!(
                "+ {} {} — {} conv., {} {} in 30 d",
                quoted(&keyword.text),
                keyword.match_type.as_str(),
                plain(conversions),
                money(campaign, cost),
                campaign.currency
            )
        })
        .collect();
    lines.extend(terms.dropped.iter().map(|keyword| {
        format!("= {} {} — {}", quoted(&keyword.text), keyword.match_type.as_str(), action.label("dropped"))
    }));
    Ok(lines)
}

/// Several words in quotation marks, one word as it is.
fn quoted(text: &str) -> String {
    let text = clean(text, 80);
    if text.contains(' ') { format!("\"{text}\"") } else { text }
}

fn brief(action: &Action, b: &Brief, facts: &Facts) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} ({}, {} to {} words)",
        action.label("keyword"),
        clean(&b.keyword, 120),
        b.intent,
        count(i64::from(b.word_range.0)),
        count(i64::from(b.word_range.1))
    )];
    let impressions: i64 = facts.rankings.iter().map(|r| r.impressions).sum();
    if impressions > 0 {
        let weighted: Decimal =
            facts.rankings.iter().filter_map(|r| Some(r.position? * Decimal::from(r.impressions))).sum();
        let position = weighted.checked_div(Decimal::from(impressions)).unwrap_or_default();
        lines.push(format!(
            "{}: {} ({} impressions in 28 d)",
            action.label("position"),
            amount(position, 1),
            count(impressions)
        ));
    }
    lines.extend(
        b.outline.iter().map(|s| format!("+ {}: {}", action.label("section"), clean(&s.heading, 150))),
    );
    lines.extend(b.questions.iter().map(|q| format!("+ {}: {}", action.label("question"), clean(q, 200))));
    for (label, items) in [("links", &b.internal_links), ("sources", &b.sources)] {
        let items: Vec<String> = items.iter().map(|item| clean(item, 200)).collect();
        if !items.is_empty() {
            lines.push(format!("{}: {}", action.label(label), items.join(", ")));
        }
    }
    let competing: Vec<String> =
        pages(facts).iter().filter_map(|p| p.get("page")?.as_str().map(|page| clean(page, 120))).collect();
    if competing.len() > 1 {
        lines.push(format!("{}: {}", action.label("competing"), competing.join(", ")));
    }
    lines
}

fn ad(action: &Action, a: &Ad, facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(ad) = &facts.ad {
        lines.push(format!("{}: {}", action.label("ad_group"), clean(&ad.group.name, 120)));
    }
    let pinned = |pin: &Option<String>| pin.as_ref().map(|p| format!(" [{p}]")).unwrap_or_default();
    lines.extend(
        a.primary_texts.iter().map(|t| format!("+ {}: {}", action.label("primary_text"), clean(t, 2200))),
    );
    for (label, texts) in [("headline", &a.headlines), ("description", &a.descriptions)] {
        lines.extend(
            texts
                .iter()
                .map(|t| format!("+ {}: {}{}", action.label(label), clean(&t.text, 255), pinned(&t.pin))),
        );
    }
    let path: Vec<String> = [&a.path1, &a.path2].into_iter().flatten().map(|part| clean(part, 40)).collect();
    if !path.is_empty() {
        lines.push(format!("+ {}: /{}", action.label("path"), path.join("/")));
    }
    if let Some(button) = &a.call_to_action {
        lines.push(format!("+ {}: {button}", action.label("call_to_action")));
    }
    if let Some(image) = &a.image {
        lines.push(format!("+ {}: {}", action.label("image"), clean(image, 300)));
    }
    lines.push(format!("{}: {}", action.label("link"), full_url(&a.final_url, &a.final_url_suffix)));
    if let Some((text, likeness)) = closest(a, facts) {
        lines.push(format!("{}: {} ({})", action.label("similar"), clean(&text, 120), share(likeness)));
    }
    lines
}

/// The present headline most like one of the new ones, with the likeness 0..1.
pub fn closest(a: &Ad, facts: &Facts) -> Option<(String, f64)> {
    let present = facts.ad.as_ref()?.ads.iter().flat_map(|ad| ad.headlines.iter());
    present
        .flat_map(|old| a.headlines.iter().map(move |new| (old.clone(), similarity(old, &new.text))))
        .max_by(|x, y| x.1.total_cmp(&y.1).then_with(|| y.0.cmp(&x.0)))
}

/// The address with its tags, before the fragment.
pub fn full_url(url: &str, suffix: &str) -> String {
    if suffix.is_empty() {
        return url.to_owned();
    }
    let (base, fragment) = url.split_once('#').map_or((url, None), |(base, f)| (base, Some(f)));
    let joint = if base.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|f| format!("#{f}")).unwrap_or_default();
    format!("{base}{joint}{suffix}{fragment}")
}

fn audience(action: &Action, a: &Audience, facts: &Facts) -> Vec<String> {
    let known = facts.audience.clone().unwrap_or_default();
    let mut lines = vec![
        format!("+ {} ({})", clean(&a.name, 100), a.method),
        format!("{}: {}", action.label("rule"), known.rule),
    ];
    lines.push(match (known.size, known.consenting) {
        (Some(size), Some(yes)) if size > 0 => {
            let part = yes as f64 / size as f64;
            let label = action.label("size");
            format!("{label} {} ({} {} → {})", count(size), action.label("consent"), share(part), count(yes))
        }
        (Some(size), _) => format!("{} {}", action.label("size"), count(size)),
        (None, _) => format!("{}: known to the platform only", action.label("size")),
    });
    lines.push(format!("{}: {} days", action.label("membership"), a.membership_days));
    if a.exclude_customers {
        let label = if a.method == "rule" { "customers_rule" } else { "customers" };
        lines.push(format!("− {}", action.label(label)));
    }
    if a.method == "list" {
        lines.push(format!("− {}", action.label("never")));
    }
    if let Some(existing) = &known.existing {
        lines.push(format!("{}: {}", action.label("existing"), clean(existing, 120)));
    }
    lines
}

/// A relative change for messages: `+22.0`, `−50.0`.
pub fn percent(old: Decimal, new: Decimal) -> String {
    super::words::percent_change(old, new).map_or_else(|| "+100.0".to_owned(), |p| signed(p, 1))
}
