//! Windows, day counts, granularity.
use super::{Bound, Param, Resolver, ToolError, text_of};
use crate::period::{Phrase, Unit, Window, parse_horizon, read_phrase};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};

impl Resolver<'_, '_> {
    pub(super) fn date_range(
        &mut self,
        param: &Param,
        value: &Value,
        max_days: u32,
        future: bool,
    ) -> Result<(), ToolError> {
        let wanted = "write a window such as 'last 30 days', 'last month', 'q2', or {\"start\": \"2025-09-01\", \"end\": \"2025-09-16\"}";
        let phrase = match value {
            Value::Object(fields) => {
                let day = |key: &str| {
                    fields.get(key).and_then(Value::as_str).and_then(|t| t.trim().parse::<Date>().ok())
                };
                let (start, end) =
                    day("start").zip(day("end")).ok_or_else(|| Self::refuse(param, value, wanted))?;
                let window = Window::new(start, end)
                    .ok_or_else(|| Self::refuse(param, value, "its start is after its end"))?;
                let named =
                    fields.get("unit").and_then(|unit| serde_json::from_value::<Unit>(unit.clone()).ok());
                Phrase { window, unit: named.or_else(|| Unit::of_whole(window)).unwrap_or(Unit::Days) }
            }
            other
            @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                let text = text_of(other).unwrap_or_default();
                let scope = self.scope;
                read_phrase(&text, scope.today, scope.week_start, scope.date_order)
                    .or_else(|| {
                        let window = parse_horizon(&text, scope.today).filter(|_| future)?;
                        Some(Phrase { window, unit: Unit::Days })
                    })
                    .ok_or_else(|| Self::refuse(param, value, wanted))?
            }
        };
        let phrase = self.clipped(param, phrase, value, future)?;
        let days = phrase.window.days();
        if days > i32::try_from(max_days).unwrap_or(i32::MAX) {
            let message = format!(
                "'{}' spans {days} days; at most {max_days} are allowed, take a narrower window",
                param.name
            );
            return Err(ToolError::tell("param.out_of_bounds", message));
        }
        let Window { start, end } = phrase.window;
        let partial = phrase.window.contains(self.scope.today) && !future;
        let name = &param.name;
        self.out.binds.insert(format!("{name}_start"), Bound::Day(Some(start)));
        self.out.binds.insert(format!("{name}_end"), Bound::Day(Some(end)));
        self.out.binds.insert(format!("{name}_partial"), Bound::Flag(Some(partial)));
        let mut echo = json!({ "start": start.to_string(), "end": end.to_string() });
        // A to-date window compares with the same days of the unit before; its days alone do not tell.
        if phrase.unit != Unit::Days && Unit::of_whole(phrase.window) != Some(phrase.unit) {
            echo["unit"] = json!(phrase.unit);
        }
        self.out.echo.insert(name.clone(), echo);
        if self.out.window.is_none() {
            self.out.window = Some(phrase);
            self.out.partial = partial;
        }
        Ok(())
    }

    /// Days that have no data yet are cut off, and the answer says so.
    fn clipped(
        &mut self,
        param: &Param,
        phrase: Phrase,
        value: &Value,
        future: bool,
    ) -> Result<Phrase, ToolError> {
        let (today, Window { start, end }) = (self.scope.today, phrase.window);
        if future || end <= today {
            return Ok(phrase);
        }
        let yesterday = today.saturating_sub(1.day());
        let window = Window::new(start, yesterday)
            .ok_or_else(|| Self::refuse(param, value, "it lies in the future, where there is no data yet"))?;
        self.out.notes.push(format!("Days after {yesterday} have no data yet and are left out."));
        Ok(Phrase { window, unit: phrase.unit })
    }

    pub(super) fn day_count(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default();
        let days = text.trim().parse::<i64>().ok().or_else(|| in_days(&text));
        let days = days.ok_or_else(|| {
            Self::refuse(param, value, "write a number of days such as 30, '30d' or '2 weeks'")
        })?;
        self.clamped(param, days, 1, 400)
    }

    pub(super) fn granularity(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default().to_lowercase();
        let text = self.scope.vocabulary.granularity(&text).unwrap_or(&text);
        let step = match text {
            "hour" | "day" | "week" | "month" => text,
            "hourly" => "hour",
            "daily" => "day",
            "weekly" => "week",
            "monthly" => "month",
            "auto" => match self.out.window.map_or(30, |phrase| phrase.window.days()) {
                ..=2 => "hour",
                3..=62 => "day",
                63..=200 => "week",
                _ => "month",
            },
            _ => return Err(Self::refuse(param, value, "write auto, hour, day, week or month")),
        };
        let step = step.to_owned();
        self.set(param, Bound::Text(Some(step.clone())), step);
        Ok(())
    }
}

/// "30d", "past month" = 30, "2 wks" = 14.
fn in_days(text: &str) -> Option<i64> {
    let text = text.to_lowercase();
    let text = text.trim().trim_start_matches("past ").trim_start_matches("last ").trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(split);
    let count: i64 = if count.is_empty() { 1 } else { count.parse().ok()? };
    let days = match unit.trim() {
        "d" | "day" | "days" => 1,
        "w" | "wk" | "wks" | "week" | "weeks" => 7,
        "fortnight" | "fortnights" => 14,
        "m" | "mo" | "month" | "months" => 30,
        "q" | "quarter" | "quarters" => 90,
        "y" | "yr" | "year" | "years" => 365,
        _ => return None,
    };
    count.checked_mul(days)
}
