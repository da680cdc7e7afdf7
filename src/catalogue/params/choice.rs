//! Values out of lists: channels, platforms, segments, metrics, enumerations.
use super::super::lists::{AUDIENCES, CHANNELS, SEGMENTS, SOURCES};
use super::super::vocabulary::key;
use super::{Bound, Param, Resolver, ToolError, is_all, text_of};
use crate::text::similarity;
use serde_json::{Value, json};

/// The accepted values, the likest first, at most so many.
fn nearest<'a>(text: &str, values: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<String> {
    let mut all: Vec<(f64, &str)> = values.into_iter().map(|v| (similarity(text, v), v)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().take(most).map(|(_, v)| v.to_owned()).collect()
}

/// Exact, or the only one that begins so.
fn exact_or_prefix<'a>(text: &str, values: &[&'a str]) -> Option<&'a str> {
    let wanted = key(text);
    if let Some(exact) = values.iter().find(|value| key(value) == wanted) {
        return Some(exact);
    }
    let mut beginning = values.iter().filter(|value| key(value).starts_with(&wanted));
    let first = beginning.next()?;
    (wanted.len() >= 2 && beginning.next().is_none()).then_some(first)
}

impl Resolver<'_, '_> {
    fn out_of_list(
        &mut self,
        param: &Param,
        text: &str,
        found: Option<&str>,
        known: &[&str],
    ) -> Result<(), ToolError> {
        let Some(found) = found else {
            let allowed = nearest(text, known.iter().copied(), 20);
            let message =
                format!("'{}' cannot be '{text}'; choose one of the allowed values or 'all'", param.name);
            return Err(ToolError::choices("param.invalid", message, allowed));
        };
        let found = found.to_owned();
        self.set(param, Bound::Text(Some(found.clone())), found);
        Ok(())
    }

    pub(super) fn channel(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default();
        let exact = CHANNELS.iter().copied().find(|c| key(c) == key(&text));
        let alias = self.scope.vocabulary.channel(&text);
        if exact.is_none() && alias.is_some_and(|channel| is_all(&json!(channel))) {
            return self.all(param);
        }
        let alias = alias.and_then(|a| CHANNELS.iter().copied().find(|c| *c == a));
        let found = exact.or(alias).or_else(|| exact_or_prefix(&text, CHANNELS));
        self.out_of_list(param, &text, found, CHANNELS)
    }

    pub(super) fn platform(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default();
        let exact = SOURCES.iter().copied().find(|c| key(c) == key(&text));
        let alias =
            self.scope.vocabulary.platform(&text).and_then(|a| SOURCES.iter().copied().find(|c| *c == a));
        let found = exact.or(alias).or_else(|| exact_or_prefix(&text, SOURCES));
        self.out_of_list(param, &text, found, SOURCES)
    }

    /// One of the behavioural segments by name or alias, a counted audience, or a segment of the organisation.
    fn segment_id(&self, param: &Param, text: &str) -> Result<(String, String), ToolError> {
        let named = SEGMENTS
            .iter()
            .chain(AUDIENCES)
            .copied()
            .find(|s| key(s) == key(text) || key(s) == key(text).trim_end_matches('s'));
        if let Some(found) = named.or_else(|| self.scope.vocabulary.segment(text)) {
            return Ok((found.to_owned(), found.to_owned()));
        }
        let own = self.scope.entities.get("segment");
        if let Some(list) = own {
            let wanted = key(text);
            if let Some(entity) = list.iter().find(|e| e.id == text || key(&e.name) == wanted) {
                return Ok((entity.id.clone(), entity.name.clone()));
            }
        }
        let names =
            SEGMENTS.iter().copied().chain(own.into_iter().flat_map(|l| l.iter().map(|e| e.name.as_str())));
        let message = format!("'{}' cannot be '{text}'; no such segment", param.name);
        Err(ToolError::choices("param.invalid", message, nearest(text, names, 12)))
    }

    pub(super) fn segment(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default();
        let (id, name) = self.segment_id(param, &text)?;
        self.set(param, Bound::Text(Some(id)), name);
        Ok(())
    }

    pub(super) fn segments(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let texts: Vec<String> = match value {
            Value::Array(items) => items.iter().filter_map(text_of).collect(),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => {
                let text = text_of(other).unwrap_or_default();
                text.split([',', ';'])
                    .flat_map(|part| part.split(" and "))
                    .map(|t| t.trim().to_owned())
                    .filter(|t| !t.is_empty())
                    .collect()
            }
        };
        let mut found: Vec<(String, String)> = Vec::new();
        for text in &texts {
            let segment = self.segment_id(param, text)?;
            if !found.contains(&segment) {
                found.push(segment);
            }
        }
        if !(2..=3).contains(&found.len()) {
            return Err(Self::refuse(param, value, "name two or three different segments"));
        }
        let (ids, names): (Vec<String>, Vec<String>) = found.into_iter().unzip();
        self.set(param, Bound::Texts(Some(ids)), names);
        Ok(())
    }

    pub(super) fn metric(
        &mut self,
        param: &Param,
        values: &[String],
        value: &Value,
    ) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default();
        let listed = |id: &str| values.iter().find(|v| *v == id);
        let exact = values.iter().find(|v| key(v) == key(&text));
        let by_name = || {
            let found = self.scope.metrics.search(&text);
            // Exactly the name or a synonym: a text that merely holds one is not understood here.
            found
                .iter()
                .find(|(score, metric)| *score > 0.999 && listed(&metric.id).is_some())
                .map(|(_, m)| m.id.clone())
        };
        let alias = || self.scope.vocabulary.metric(&text).and_then(listed).cloned();
        let Some(id) = exact.cloned().or_else(alias).or_else(by_name) else {
            let meant = self.scope.metrics.search(&text).into_iter().find(|(score, _)| *score > 0.999);
            if let Some((needs, metric)) = meant.and_then(|(_, metric)| Some((metric.needs()?, metric))) {
                let message = format!("there is no data for {}: it needs {needs}", metric.name);
                return Err(ToolError::tell("metric.data_unavailable", message));
            }
            let message = format!("'{}' cannot be '{text}'; this query knows other metrics", param.name);
            let allowed = nearest(&text, values.iter().map(String::as_str), 40);
            return Err(ToolError::choices("param.invalid", message, allowed));
        };
        self.set(param, Bound::Text(Some(id.clone())), id);
        Ok(())
    }

    pub(super) fn choice(
        &mut self,
        param: &Param,
        values: &[String],
        from: Option<&str>,
        value: &Value,
    ) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default();
        let read = from.and_then(|from| self.scope.choices.get(from));
        let all: Vec<String> =
            values.iter().chain(read.into_iter().flat_map(|list| list.iter())).cloned().collect();
        let names: Vec<&str> = all.iter().map(String::as_str).collect();
        let wanted = key(&text);
        let found = all
            .iter()
            .find(|v| key(v) == wanted)
            .or_else(|| self.scope.vocabulary.value(&text, &all))
            .or_else(|| all.iter().find(|v| key(v) == wanted.trim_end_matches('s')))
            .map(String::as_str)
            .or_else(|| exact_or_prefix(&text, &names));
        match found.map(str::to_owned) {
            Some(found) if is_all(&json!(found)) => self.all(param),
            found => self.out_of_list(param, &text, found.as_deref(), &names),
        }
    }
}
