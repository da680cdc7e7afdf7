//! Questions that are a metric, a name or a "how are things" and nothing else (`queries.md` §7.4).
use super::certainty::decisive;
use super::index::Scored;
use super::route::{FILLER, Router, Situation, allowed};
use super::understand::Reading;
use crate::catalogue::{ColumnType, ParamType, Query};
use std::collections::BTreeSet;

impl Router {
    /// A metric and nothing else: the companion word decides (`queries.md` §7.4).
    pub fn lone_metric(&self, reading: &Reading, s: &Situation<'_>, scored: &[Scored]) -> Option<String> {
        let metric = reading.metrics.first()?;
        // "spend without results" is about what is missing.
        if reading.has_any(&["without", "no", "nothing", "never", "zero"]) {
            return None;
        }
        let words = reading.texts();
        let mut companion = self
            .vocabulary
            .companions
            .iter()
            .filter(|(_, phrases)| phrases.find(&words).is_some())
            .map(|(kind, _)| kind.as_str())
            .collect::<Vec<_>>();
        // "what is our cac this week" asks for the value, "what is cac" for the meaning.
        let ours = reading.has_any(&["our", "my", "we", "us", "current", "today", "now"])
            || !reading.dates.is_empty()
            || !reading.entities.is_empty()
            || !reading.channels.is_empty();
        let explicit = reading.has_any(&[
            "define",
            "definition",
            "meaning",
            "mean",
            "means",
            "calculated",
            "calculate",
            "formula",
            "computed",
            "explain",
        ]);
        if ours && !explicit {
            companion.retain(|c| *c != "define");
        }
        if runs_on(reading) {
            companion.retain(|c| *c != "compare");
            companion.insert(0, "trend");
        }
        let known: BTreeSet<String> = reading
            .metrics
            .iter()
            .map(|m| (m.at, m.len))
            .chain(reading.channels.iter().map(|c| (c.at, c.len)))
            .chain(reading.vendors.iter().map(|c| (c.at, c.len)))
            .flat_map(|(at, len)| {
                let texts: Vec<&str> = words[at..at + len].to_vec();
                super::normalise::terms(&texts, &self.vocabulary).into_iter().map(|t| t.stem)
            })
            .collect();
        let beside = &self.vocabulary.beside_metric;
        let only = reading
            .content
            .iter()
            .all(|stem| known.contains(stem) || beside.contains(stem) || FILLER.contains(&stem.as_str()));
        if !only || reading.metrics.iter().any(|m| m.value != metric.value) || !reading.segments.is_empty() {
            return None;
        }
        let kind = companion.first().copied().unwrap_or("none");
        let fits = |name: &&String| {
            let Some(query) = self.queries.get(*name).filter(|_| allowed(s, name)) else { return false };
            let takes_metric = query.params.iter().any(|p| {
                if let ParamType::Metric { values } = &p.kind {
                    values.is_empty() || values.contains(&metric.value)
                } else {
                    p.required && p.kind == ParamType::Text
                }
            });
            let lists_metric = query.metrics.contains(&metric.value);
            let channel_ok = (reading.channels.is_empty() && reading.vendors.is_empty())
                || query.params.iter().any(|p| matches!(p.kind, ParamType::Channel | ParamType::Platform));
            let names_ok = reading.entities.iter().all(|h| {
                h.options.iter().any(|e| {
                    query.params.iter().any(|p| super::document::kind_of(&p.kind).as_deref() == Some(&e.kind))
                })
            });
            (takes_metric || (kind == "none" && lists_metric)) && channel_ok && names_ok
        };
        // A query about that very channel ("organic clicks") knows more than a metric filtered to it.
        let about_channel = scored.first().and_then(|x| self.queries.get(&x.name)).filter(|q| {
            let about = |text: &String| reading.filters.iter().any(|f| text.contains(f.as_str()));
            q.keywords.iter().chain(&q.examples).any(about)
                && !q.params.iter().any(|p| matches!(p.kind, ParamType::Channel | ParamType::Platform))
                && !q.params.iter().any(|p| matches!(p.kind, ParamType::Metric { .. }))
        });
        if let Some(query) = about_channel {
            // Not far enough ahead: the choices are better than a metric that the channel does not have.
            return decisive(scored).then(|| query.name.clone());
        }
        // "impression share on google": the query that carries the metric in its name.
        let named = scored.first().filter(|x| x.name.contains(metric.value.as_str()) && decisive(scored));
        if let Some(first) = named {
            return Some(first.name.clone());
        }
        // Spend or leads by themselves: the query that splits them, unless their course or their meaning is asked for.
        let home = self.vocabulary.metric_homes.get(&metric.value).filter(|name| {
            let filtered = !reading.channels.is_empty() || !reading.vendors.is_empty();
            let takes = self.queries.get(*name).is_some_and(|q| {
                !filtered
                    || q.params.iter().any(|p| matches!(p.kind, ParamType::Channel | ParamType::Platform))
            });
            kind == "none" && takes && allowed(s, name) && reading.entities.is_empty()
        });
        if let Some(name) = home.filter(|_| reading.granularity.is_none()) {
            return Some(name.clone());
        }
        // A count that has a query of its own ("leads this month") goes there, unless the overview shows it.
        let shown = self.vocabulary.companion_queries.get(kind).into_iter().flatten().any(|name| fits(&name));
        let own =
            scored.first().and_then(|x| self.queries.get(&x.name)).filter(|q| leads_with(q, &metric.value));
        if kind == "none"
            && !shown
            && decisive(scored)
            && let Some(query) = own
        {
            return Some(query.name.clone());
        }
        let order = [kind, "none", "compare", "trend"];
        order
            .iter()
            .filter(|k| kind != "define" || **k == "define")
            .filter_map(|k| self.vocabulary.companion_queries.get(*k))
            .flatten()
            .find(fits)
            .cloned()
    }

    /// A question about the state of things and nothing in particular: the overview.
    pub fn how_is_it_going(&self, reading: &Reading, s: &Situation<'_>) -> Option<String> {
        let general = ["doing", "statu", "status", "summary", "number"];
        // "how did last week go", "how are we performing": nothing but the state of things.
        let how = reading.has("how")
            && !reading.has_any(&["many", "much", "often", "long"])
            && (!reading.dates.is_empty() || reading.has_any(&["we", "marketing", "business", "things"]));
        let asks = how || reading.content.iter().any(|c| general.contains(&c.as_str()));
        let nothing_else =
            reading.content.iter().all(|c| FILLER.contains(&c.as_str()) || general.contains(&c.as_str()));
        let named = !reading.entities.is_empty()
            || !reading.metrics.is_empty()
            || !reading.channels.is_empty()
            || !reading.segments.is_empty();
        let overview = self.vocabulary.companion_queries.get("none").into_iter().flatten();
        (asks && nothing_else && !named)
            .then(|| overview.into_iter().find(|n| self.queries.contains_key(*n) && allowed(s, n)).cloned())
            .flatten()
    }

    /// A keyword that one query alone has, and nothing else ("current arr").
    pub fn lone_keyword(&self, reading: &Reading) -> Option<String> {
        let mut telling = reading.content.iter().filter(|c| {
            !FILLER.contains(&c.as_str())
                && !super::index::WEAK.contains(&c.as_str())
                && !reading.filters.contains(c)
        });
        let word = telling.next().filter(|_| telling.next().is_none())?;
        let plain =
            reading.entities.is_empty() && reading.segments.is_empty() && reading.quantities.is_empty();
        plain.then(|| self.index.keyword_of(word)).flatten().map(str::to_owned)
    }

    /// A name and nothing else ("pull up brand search"): the query that is about one such thing.
    pub fn lone_name(&self, reading: &Reading, scored: &[Scored]) -> Option<String> {
        let [hit] = reading.entities.as_slice() else { return None };
        let about =
            reading.content.iter().all(|c| FILLER.contains(&c.as_str()) || c == "campaign" || c == "page");
        if !about || !reading.metrics.is_empty() || reading.has_any(&["who", "when", "why"]) {
            return None;
        }
        let takes = |q: &Query| {
            q.params.iter().any(|p| (p.required || p.expected) && matches!(&p.kind, ParamType::Entity(kind) if hit.options.iter().any(|o| o.kind == *kind)))
        };
        let detail = |q: &Query| {
            q.name.contains("detail") || q.keywords.iter().any(|k| k == "detail" || k == "everything")
        };
        scored
            .iter()
            .filter_map(|x| self.queries.get(&x.name))
            .find(|q| takes(q) && detail(q))
            .map(|q| q.name.clone())
    }
}

/// The first figure of the query's rows is this metric: it is about it, not only mentions it.
fn leads_with(query: &Query, metric: &str) -> bool {
    let figure = |kind: ColumnType| {
        !matches!(kind, ColumnType::Text | ColumnType::Date | ColumnType::Instant | ColumnType::Bool)
    };
    query.columns.iter().find(|c| !c.hidden && figure(c.kind)).is_some_and(|c| c.name == metric)
}

/// "what does it look like over the last quarter": its course is asked for, not one figure against another.
fn runs_on(reading: &Reading) -> bool {
    let words = reading.texts();
    let course = reading
        .window()
        .and_then(|d| d.at.checked_sub(1))
        .is_some_and(|i| matches!(words[i], "over" | "through" | "throughout" | "across" | "during"));
    course && reading.compare.is_none() && !reading.has_any(&["vs", "versus", "than", "against", "compared"])
}
