//! The arguments of each draft tool, from what a message says and what the last result shows. What is missing is asked.
use super::drafting::DraftType;
use super::fill::tail;
use super::plan::{Ask, Choice, Pick};
use super::thread::Past;
use super::understand::Reading;
use super::values::Unit;
use crate::catalogue::{Cell, QueryResult};
use serde_json::{Value, json};

/// Arguments and what the draft is about, or what has to be asked first.
pub type Made = Result<(Value, String), Ask>;

/// The campaign that is named, or stands in the row that is meant: id (or name) and name.
pub fn campaign(
    reading: &Reading,
    result: Option<&QueryResult>,
    row: usize,
) -> Result<(String, String), Ask> {
    if let Some(entity) = reading.of_kind("campaign").next() {
        return Ok((entity.id.clone(), entity.name.clone()));
    }
    if let Some(unsure) = reading.unsure.iter().find(|u| u.options.iter().any(|o| o.kind == "campaign")) {
        return Err(which_campaign(
            &unsure.options.iter().map(|o| o.name.clone()).collect::<Vec<_>>(),
            Some(unsure.typed.clone()),
        ));
    }
    if let Some(result) = result
        && let Some(found) = row_campaign(result, row)
    {
        return Ok(found);
    }
    if let Some(result) = result
        && row >= result.rows.len()
        && names_campaign(result)
    {
        return Err(which_campaign(&campaign_names(result), None));
    }
    if let Some(id) =
        result.and_then(|r| r.params.get("campaign")).and_then(Value::as_str).filter(|c| *c != "all")
    {
        return Ok((id.to_owned(), id.to_owned()));
    }
    let names: Vec<String> = result.map(campaign_names).unwrap_or_default();
    Err(which_campaign(&names, None))
}

fn which_campaign(names: &[String], from: Option<String>) -> Ask {
    Ask {
        text: "Which campaign is the draft for?".to_owned(),
        choices: names
            .iter()
            .take(3)
            .map(|n| Choice { label: n.clone(), pick: Pick::Reword { from: from.clone(), to: n.clone() } })
            .collect(),
    }
}

fn text_of(cell: Option<&Cell>) -> Option<String> {
    match cell {
        Some(Cell::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn row_campaign(result: &QueryResult, row: usize) -> Option<(String, String)> {
    let row = if row == usize::MAX { result.rows.len().checked_sub(1)? } else { row };
    let level = result.params.get("level").and_then(Value::as_str);
    let name_column = result
        .columns
        .iter()
        .find(|c| c.name == "campaign" || c.name == "campaign_name")
        .or_else(|| result.columns.iter().find(|c| c.entity && level.is_none_or(|l| l == "campaign")))?;
    let name = text_of(result.cell(row, &name_column.name))?;
    let id = ["campaign_id", "entity_id"].iter().find_map(|c| text_of(result.cell(row, c)));
    // A query whose rows are not campaigns at all (cities, channels) names none.
    let about_campaigns =
        name_column.name.starts_with("campaign") || level == Some("campaign") || id.is_some();
    about_campaigns.then(|| (id.unwrap_or_else(|| name.clone()), name))
}

/// The platform of the campaign in a row: ids of platform things are `{platform}:{id of theirs}`.
pub fn platform(result: &QueryResult, row: usize) -> Option<String> {
    let (id, _) = row_campaign(result, row)?;
    id.split_once(':').map(|(platform, _)| platform.to_owned())
}

/// Whether its first row names a campaign.
pub fn names_campaign(result: &QueryResult) -> bool {
    row_campaign(result, 0).is_some()
}

/// Whether its first row names a search term.
pub fn names_term(result: &QueryResult) -> bool {
    row_term(result, 0).is_some()
}

fn row_term(result: &QueryResult, row: usize) -> Option<String> {
    ["term", "search_term"].iter().find_map(|c| text_of(result.cell(row, c))).or_else(|| {
        let level = result.params.get("level").and_then(Value::as_str);
        (level == Some("search_term")).then(|| text_of(result.cell(row, "entity"))).flatten()
    })
}

pub fn campaign_names(result: &QueryResult) -> Vec<String> {
    (0..result.rows.len()).filter_map(|r| row_campaign(result, r)).map(|(_, name)| name).take(3).collect()
}

pub fn budget(kind: &DraftType, reading: &Reading, result: Option<&QueryResult>, row: usize) -> Made {
    let (id, name) = campaign(reading, result, row)?;
    let mut args = json!({"campaign": id});
    let words = reading.texts();
    let before = |at: usize| at.checked_sub(1).map_or("", |i| words[i]);
    let percent = reading.quantities.iter().find(|q| q.unit == Unit::Percent);
    let amount = reading
        .quantities
        .iter()
        .find(|q| q.unit != Unit::Percent && q.unit != Unit::Multiple && before(q.at) == "to");
    if let Some(amount) = amount {
        args["new_daily_budget"] = json!(amount.value.normalize().to_string());
    } else if let Some(percent) = percent {
        args["pct"] = json!(number(percent.value));
    } else if reading.has("double") {
        args["pct"] = json!(100);
    } else if reading.has("halve") {
        args["pct"] = json!(50);
    } else if let Some(by) = reading.quantities.iter().find(|q| before(q.at) == "by") {
        return Err(Ask {
            text: format!(
                "By how much in percent, or to what daily amount? “by {}” alone does not say the new budget of {name}.",
                reading.typed(by.at, by.len)
            ),
            choices: Vec::new(),
        });
    } else {
        // The usual step of both directions (actions.md §10.1); the guardrail measures it again.
        args["pct"] = json!(20);
    }
    let _ = kind;
    Ok((args, name))
}

/// A decimal as a JSON number.
pub fn number(value: rust_decimal::Decimal) -> Value {
    let text = value.normalize().to_string();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

pub fn reallocation(reading: &Reading) -> Made {
    let hits: Vec<_> = reading
        .entities
        .iter()
        .filter_map(|h| h.options.iter().find(|e| e.kind == "campaign").map(|e| (h.at, e)))
        .collect();
    let [(first_at, first), (_, second), ..] = hits.as_slice() else {
        return Err(Ask {
            text: "From which campaign to which one? Say for example “move 50 a day from … to …”.".to_owned(),
            choices: Vec::new(),
        });
    };
    // "to B from A" names the receiver first.
    let before = first_at.checked_sub(1).map_or("", |i| reading.words[i].text.as_str());
    let (from, to) =
        if matches!(before, "to" | "into" | "towards") { (second, first) } else { (first, second) };
    let mut args = json!({"from": from.id, "to": to.id});
    match reading.quantities.first() {
        Some(q) if q.unit == Unit::Percent => args["pct"] = json!(number(q.value)),
        Some(q) => args["amount_per_day"] = json!(q.value.normalize().to_string()),
        None => {
            return Err(Ask {
                text: format!(
                    "How much a day should move from {} to {}? An amount or a percentage.",
                    from.name, to.name
                ),
                choices: Vec::new(),
            });
        }
    }
    Ok((args, format!("{} to {}", from.name, to.name)))
}

pub fn negatives(reading: &Reading, result: Option<&QueryResult>, row: usize) -> Made {
    let mut terms: Vec<String> = reading.quoted.clone();
    if terms.is_empty()
        && let Some(typed) = between(
            reading,
            &["add", "exclude", "block", "make"],
            &["as", "from", "in", "to", "for", "negative"],
        )
    {
        terms.extend(Some(typed).filter(|typed| !only_points(typed)));
    }
    if terms.is_empty()
        && let Some(result) = result
    {
        let row = if row == usize::MAX { result.rows.len().saturating_sub(1) } else { row };
        terms.extend(row_term(result, row));
    }
    if terms.is_empty() {
        return Err(Ask {
            text: "Which search term should be excluded? Put it in quotes.".to_owned(),
            choices: Vec::new(),
        });
    }
    let campaign = match reading.of_kind("campaign").next() {
        Some(e) => (e.id.clone(), e.name.clone()),
        None => match result.and_then(|r| term_campaign(r, &terms[0], row)) {
            Some(found) => found,
            None => {
                return Err(Ask {
                    text: format!("In which campaign should “{}” be excluded?", terms[0]),
                    choices: Vec::new(),
                });
            }
        },
    };
    let mut args = json!({"campaign": campaign.0, "keywords": terms});
    for (word, value) in [("exact", "EXACT"), ("phrase", "PHRASE"), ("broad", "BROAD")] {
        if reading.has(word) {
            args["match_type"] = json!(value);
        }
    }
    Ok((args, campaign.1))
}

/// The campaign beside a search term in the last result.
fn term_campaign(result: &QueryResult, term: &str, row: usize) -> Option<(String, String)> {
    let named = (0..result.rows.len()).find(|r| {
        result
            .columns
            .iter()
            .any(|c| text_of(result.cell(*r, &c.name)).is_some_and(|t| t.eq_ignore_ascii_case(term)))
    });
    let row = named.unwrap_or(if row == usize::MAX { 0 } else { row });
    let name = ["campaign", "campaign_name"].iter().find_map(|c| text_of(result.cell(row, c)));
    let id = text_of(result.cell(row, "campaign_id"));
    match (id, name) {
        (Some(id), Some(name)) => Some((id, name)),
        (Some(one), None) | (None, Some(one)) => Some((one.clone(), one)),
        (None, None) => None,
    }
}

fn between(reading: &Reading, opens: &[&str], closes: &[&str]) -> Option<String> {
    let words = reading.texts();
    let from = words.iter().position(|w| opens.contains(w))? + 1;
    let to = (from..words.len()).find(|i| closes.contains(&words[*i])).unwrap_or(words.len());
    let typed = reading.typed(from, to.saturating_sub(from));
    let typed =
        typed.strip_prefix("the term ").or_else(|| typed.strip_prefix("the ")).unwrap_or(&typed).trim();
    let pointing = matches!(typed, "it" | "that" | "this" | "them" | "term" | "first one" | "a" | "an");
    (to > from && !typed.is_empty() && !pointing && typed.len() <= 80).then(|| typed.to_owned())
}

fn carried<'a>(last: Option<&'a Past>, key: &str) -> Option<&'a Value> {
    last?.calls.iter().rev().filter(|c| !c.failed).find_map(|c| c.args.get(key))
}

/// Words that point at something of the answer before, and name nothing: "the first search term".
pub fn only_points(text: &str) -> bool {
    let pointing = [
        "a", "it", "that", "this", "me", "the", "one", "ones", "first", "second", "third", "last", "top",
        "worst", "search", "term", "terms", "keyword", "keywords", "query", "of", "these", "those", "them",
        "list",
    ];
    text.split_whitespace().all(|word| pointing.contains(&word.to_lowercase().as_str()))
}

pub fn brief(reading: &Reading, last: Option<&Past>) -> Made {
    let keyword = reading
        .quoted
        .first()
        .cloned()
        .or_else(|| {
            tail(reading, &["for", "about", "on", "targeting"]).and_then(|v| v.as_str().map(str::to_owned))
        })
        .filter(|k| !only_points(k))
        .or_else(|| reading.of_kind("keyword").next().map(|e| e.name.clone()))
        .or_else(|| carried(last, "keyword").and_then(Value::as_str).map(str::to_owned));
    match keyword {
        Some(keyword) => Ok((json!({"keyword": keyword}), keyword)),
        None => Err(Ask { text: "For which keyword should the brief be?".to_owned(), choices: Vec::new() }),
    }
}

pub fn audience(reading: &Reading, last: Option<&Past>) -> Made {
    let segment = reading
        .segments
        .first()
        .map(|s| s.value.clone())
        .or_else(|| reading.words.iter().map(|w| &w.text).find(|w| w.matches('_').count() >= 2).cloned())
        .or_else(|| reading.has("quote").then(|| "quote_started_no_submit_7d".to_owned()))
        .or_else(|| (reading.has("booking") || reading.has("leads")).then(|| "lead_no_booking_7d".to_owned()))
        .or_else(|| {
            carried(last, "segment").and_then(Value::as_str).filter(|s| *s != "all").map(str::to_owned)
        });
    let Some(segment) = segment else {
        let choice = |label: &str, to: &str| Choice {
            label: label.to_owned(),
            pick: Pick::Reword { from: None, to: to.to_owned() },
        };
        return Err(Ask {
            text: "For which segment?".to_owned(),
            choices: vec![
                choice("Quote started, not sent", "quote_started_no_submit_7d"),
                choice("Lead without a booking", "lead_no_booking_7d"),
                choice("Inactive customers", "inactive"),
            ],
        });
    };
    let Some(vendor) = reading.vendors.first() else {
        let choice = |label: &str, to: &str| Choice {
            label: label.to_owned(),
            pick: Pick::Reword { from: None, to: format!("on {to}") },
        };
        return Err(Ask {
            text: "On which platform?".to_owned(),
            choices: vec![
                choice("Google Ads", "google ads"),
                choice("Meta Ads", "meta ads"),
                choice("LinkedIn Ads", "linkedin ads"),
            ],
        });
    };
    Ok((json!({"segment": segment, "platform": vendor.value.platform}), segment))
}

pub fn ad(reading: &Reading, result: Option<&QueryResult>, row: usize) -> Made {
    let (id, name) = campaign(reading, result, row)?;
    let url = reading.words.iter().map(|w| w.text.as_str()).find(|w| w.starts_with("https://"));
    match (reading.quoted.as_slice(), url) {
        ([], _) | (_, None) => Err(Ask {
            text: format!(
                "Without a language model I do not write ads myself. Give the headlines in quotes and the https address, and I draft the ad for {name}; “/idea_copy” proposes template-made variants."
            ),
            choices: Vec::new(),
        }),
        (texts, Some(url)) => {
            let (headlines, descriptions): (Vec<&String>, Vec<&String>) =
                texts.iter().partition(|t| t.chars().count() <= 30);
            let mut args = json!({"campaign": id, "headlines": headlines, "final_url": url});
            if !descriptions.is_empty() {
                args["descriptions"] = json!(descriptions);
            }
            Ok((args, name))
        }
    }
}
