//! Finds the figures of a text, as people and models print them.
use crate::chat::evidence::Unit;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// How a figure is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Percent,
    /// Percentage points.
    Points,
    /// A multiple: 3.2×.
    Times,
    /// Money, with the currency where the mark says which.
    Money(Option<&'static str>),
}

impl Style {
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "number",
            Self::Percent => "percent",
            Self::Points => "pp",
            Self::Times => "ratio",
            Self::Money(_) => "money",
        }
    }

    pub fn unit(self) -> Unit {
        match self {
            Self::Plain => Unit::Number,
            Self::Percent => Unit::Fraction,
            Self::Points => Unit::Points,
            Self::Times => Unit::Ratio,
            Self::Money(_) => Unit::Money,
        }
    }

    /// Whether two printings may mean the same figure: "100k" asked, "CHF 100,000" answered.
    pub fn fits(self, other: Self) -> bool {
        match (self, other) {
            (Self::Plain, _) | (_, Self::Plain) => true,
            (Self::Money(a), Self::Money(b)) => a.is_none() || b.is_none() || a == b,
            (a, b) => a == b,
        }
    }
}

/// A sign printed before the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    None,
    Plus,
    Minus,
}

#[derive(Clone, Debug)]
pub struct Figure {
    /// As printed, with sign, currency and unit.
    pub text: String,
    pub value: Decimal,
    pub style: Style,
    pub sign: Sign,
    /// Half a unit of the last printed place.
    pub tolerance: Decimal,
    /// The line the figure stands on.
    pub line: String,
}

const MONTHS: [&str; 24] = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
    "january",
    "february",
    "march",
    "april",
    "sept",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Words after which a number only names something: "Q3", "week 38", "step 2", "top 5". What data measures or counts ("rank
/// 4", "page 2", "level 3") is a figure like any other.
const NAMING: [&str; 11] =
    ["week", "quarter", "year", "step", "nr", "top", "option", "day", "draft", "revision", "version"];

const CURRENCIES: [(&str, &str); 20] = [
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("eur", "EUR"),
    ("usd", "USD"),
    ("chf", "CHF"),
    ("gbp", "GBP"),
    ("jpy", "JPY"),
    ("cad", "CAD"),
    ("aud", "AUD"),
    ("sek", "SEK"),
    ("nok", "NOK"),
    ("dkk", "DKK"),
    ("pln", "PLN"),
    ("czk", "CZK"),
    ("huf", "HUF"),
    ("inr", "INR"),
    ("brl", "BRL"),
    ("fr.", "CHF"),
];

/// The currency of a code, in the form that [`Style::Money`] carries.
pub fn currency(code: &str) -> Option<&'static str> {
    let code = code.to_ascii_lowercase();
    CURRENCIES.iter().find(|(mark, _)| *mark == code).map(|(_, name)| *name)
}

/// The figures of a text. `names` are texts of the data whose digits are part of a name when quoted whole.
pub fn figures(text: &str, names: &BTreeSet<String>) -> Vec<Figure> {
    let mut out = Vec::new();
    for line in text.lines() {
        let masked = mask(line, names);
        let chars: Vec<char> = masked.chars().collect();
        Scanner { chars: &chars, line, at: 0 }.run(&mut out);
    }
    out
}

/// Quoted names, longest first, replaced by letters of the same length.
fn mask(line: &str, names: &BTreeSet<String>) -> String {
    let mut sorted: Vec<&String> = names.iter().filter(|name| line.contains(name.as_str())).collect();
    sorted.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let mut out = line.to_owned();
    for name in sorted {
        out = out.replace(name.as_str(), &"x".repeat(name.chars().count()));
    }
    out
}

struct Scanner<'a> {
    chars: &'a [char],
    line: &'a str,
    at: usize,
}

/// A number as printed: its digits without separators, and what stands around it.
struct Printed {
    value: Decimal,
    places: u32,
    end: usize,
}

impl Scanner<'_> {
    fn run(mut self, out: &mut Vec<Figure>) {
        self.at = self.list_marker();
        while self.at < self.chars.len() {
            if !self.here().is_ascii_digit() {
                self.at += 1;
                continue;
            }
            let start = self.at;
            let glued = start.checked_sub(1).and_then(|i| self.chars.get(i)).is_some_and(|c| glues(*c));
            if glued && !self.money_before(start) {
                self.skip_word();
                continue;
            }
            if let Some(end) = self.date_or_time(start) {
                self.at = end;
                continue;
            }
            let Some(number) = self.number(start) else {
                self.skip_word();
                continue;
            };
            self.at = number.end;
            if let Some(figure) = self.figure(start, &number) {
                out.push(figure);
            }
        }
    }

    fn here(&self) -> char {
        self.get(self.at)
    }

    fn get(&self, i: usize) -> char {
        self.chars.get(i).copied().unwrap_or('\n')
    }

    fn slice(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to.min(self.chars.len())).unwrap_or_default().iter().collect()
    }

    /// The letters directly after a place, lower-case.
    fn word_at(&self, from: usize) -> String {
        self.chars
            .iter()
            .skip(from)
            .take_while(|c| c.is_alphabetic())
            .flat_map(|c| c.to_lowercase())
            .collect()
    }

    fn word_before(&self, end: usize) -> String {
        let skip = |c: &char| matches!(c, ' ' | '\u{a0}' | '*' | '_' | '#' | '.' | ',');
        let reversed: Vec<char> = self.chars.get(..end).unwrap_or_default().iter().rev().copied().collect();
        let word: Vec<char> =
            reversed.iter().skip_while(|c| skip(c)).take_while(|c| c.is_alphabetic()).copied().collect();
        word.into_iter().rev().flat_map(char::to_lowercase).collect()
    }

    /// "3. Name" or "3) Name" at the beginning of a line numbers a list.
    fn list_marker(&self) -> usize {
        let begin =
            self.chars.iter().take_while(|c| c.is_whitespace() || matches!(c, '>' | '*' | '|')).count();
        let digits = self.chars.iter().skip(begin).take_while(|c| c.is_ascii_digit()).count();
        let marked = matches!(self.get(begin + digits), '.' | ')')
            && matches!(self.get(begin + digits + 1), ' ' | '\n');
        if (1..=2).contains(&digits) && marked { begin + digits + 1 } else { 0 }
    }

    /// Skips the rest of an identifier such as `GA4` or `google_ads:1001`.
    fn skip_word(&mut self) {
        while self.at < self.chars.len()
            && (self.here().is_alphanumeric() || matches!(self.here(), '_' | ':' | '-' | '@'))
        {
            self.at += 1;
        }
    }

    /// A currency code written directly before the number: "CHF120", "EUR5".
    fn money_before(&self, start: usize) -> bool {
        let letters = self
            .chars
            .get(..start)
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(|c| c.is_alphabetic())
            .count();
        currency(&self.slice(start - letters, start)).is_some()
    }

    /// The end of a date, time or version that begins here.
    fn date_or_time(&self, start: usize) -> Option<usize> {
        let groups = |i: usize| {
            let n = self.chars.iter().skip(i).take_while(|c| c.is_ascii_digit()).count();
            (n, i + n)
        };
        let (first, mut end) = groups(start);
        let separator = self.get(end);
        if matches!(separator, '-' | '/' | '.' | ':') && self.get(end + 1).is_ascii_digit() {
            let (second, after) = groups(end + 1);
            if separator == ':' && first <= 2 && second == 2 {
                let seconds = (self.get(after) == ':').then(|| groups(after + 1)).filter(|(n, _)| *n == 2);
                return Some(seconds.map_or(after, |(_, end)| end));
            }
            let third = (self.get(after) == separator).then(|| groups(after + 1));
            match (separator, first, second, third) {
                // 2025-09-17, 17.09.2025, 9/17/2025, and 2025-09
                ('-' | '/' | '.', 1 | 2 | 4, 1 | 2, Some((1 | 2 | 4, last))) => {
                    // An instant goes on: 2025-09-17T10:00:00Z
                    let rest = self.chars.iter().skip(last);
                    let tail =
                        rest.take_while(|c| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | ':')).count();
                    return Some(if self.get(last) == 'T' { last + tail } else { last });
                }
                ('-', 4, 2, None) if self.year(start) => return Some(after),
                _ => {}
            }
        }
        // "17 Sep", "17. September", "Sep 17", "September 17th"
        let mut next = end;
        while matches!(self.get(next), ' ' | '.' | '\u{a0}') {
            next += 1;
        }
        let before = self.word_before(start);
        if first <= 2 && (MONTHS.contains(&self.word_at(next).as_str()) || self.after_month(&before, start)) {
            if matches!(self.get(end), '-' | '–') && self.get(end + 1).is_ascii_digit() {
                (_, end) = groups(end + 1);
            }
            return Some(end);
        }
        // Days of a range: "1–15 Oct"
        if first <= 2 && matches!(separator, '-' | '–') {
            let (second, after) = groups(end + 1);
            let month = self.word_at(if self.get(after) == ' ' { after + 1 } else { after });
            if (1..=2).contains(&second) && MONTHS.contains(&month.as_str()) {
                return Some(after);
            }
        }
        let plain = !matches!(self.get(end), '.' | ',' | '\'' | '’') || !self.get(end + 1).is_ascii_digit();
        (first == 4 && self.year(start) && plain && !self.unit_after(end)).then_some(end)
    }

    fn after_month(&self, before: &str, start: usize) -> bool {
        // "may" is also a verb: only right before the number, capitalised.
        MONTHS.contains(&before)
            && (before != "may" || self.slice(start.saturating_sub(4), start).starts_with("May"))
    }

    fn year(&self, start: usize) -> bool {
        matches!(self.slice(start, start + 4).parse::<u32>(), Ok(1990..=2100))
    }

    /// Something follows that makes a four-digit number a quantity and not a year.
    fn unit_after(&self, end: usize) -> bool {
        let gap = usize::from(matches!(self.get(end), ' ' | '\u{a0}' | '\u{202f}'));
        let word = self.word_at(end + gap);
        let quantity = [
            "clicks",
            "impressions",
            "orders",
            "conversions",
            "sessions",
            "users",
            "leads",
            "customers",
            "days",
        ];
        self.get(end + gap) == '%'
            || currency(&word).is_some()
            || quantity.contains(&word.as_str())
            || self.money_sign_before(end.saturating_sub(4)).is_some()
    }

    fn number(&self, start: usize) -> Option<Printed> {
        let mut digits = String::new();
        let mut groups: Vec<(char, usize)> = Vec::new();
        let mut i = start;
        let mut run = 0;
        loop {
            let c = self.get(i);
            if c.is_ascii_digit() {
                digits.push(c);
                run += 1;
            } else if matches!(c, ',' | '.' | '\'' | '’' | '\u{a0}' | '\u{202f}' | ' ')
                && self.get(i + 1).is_ascii_digit()
            {
                let three =
                    (1..=3).all(|k| self.get(i + k).is_ascii_digit()) && !self.get(i + 4).is_ascii_digit();
                // A space separates thousands only; "2 300" is one number when the first group is short.
                if matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’')
                    && (!three || run > 3 || groups.iter().any(|g| g.0 == '.'))
                {
                    break;
                }
                groups.push((c, run));
                run = 0;
            } else {
                break;
            }
            i += 1;
        }
        groups.push(('\n', run));
        let places = decimal_places(&groups)?;
        let digits: Decimal = digits.parse().ok()?;
        let mut value = digits;
        value.set_scale(u32::try_from(places).ok()?).ok()?;
        Some(Printed { value, places: u32::try_from(places).ok()?, end: i })
    }

    fn figure(&mut self, start: usize, number: &Printed) -> Option<Figure> {
        let (sign, money, begin) = self.before(start);
        let mut end = number.end;
        let gap = |i: usize| usize::from(matches!(self.get(i), ' ' | '\u{a0}' | '\u{202f}'));
        let mut scale = Decimal::ONE;
        let suffix = self.word_at(end);
        let spaced = self.word_at(end + gap(end));
        for (word, factor) in [
            ("k", 1_000),
            ("m", 1_000_000),
            ("mio", 1_000_000),
            ("mn", 1_000_000),
            ("bn", 1_000_000_000),
            ("b", 1_000_000_000),
        ] {
            let glued = suffix == word;
            if glued || (spaced == word && word.len() > 1) || (spaced == "million" && word == "mio") {
                end += if glued { 0 } else { gap(end) } + if spaced == "million" { 7 } else { word.len() };
                scale = Decimal::from(factor);
                break;
            }
        }
        if scale == Decimal::ONE && matches!(suffix.as_str(), "st" | "nd" | "rd" | "th") {
            self.at = end + 2;
            return None;
        }
        let after = end + gap(end);
        let mark = self.get(after);
        let word = self.word_at(after);
        let (style, end) = match (money, mark, word.as_str()) {
            (Some(code), ..) => (Style::Money(code), end),
            (None, '%', _) => (Style::Percent, after + 1),
            (None, '×', _) => (Style::Times, after + 1),
            (None, _, "x") if !self.get(after + 1).is_ascii_digit() => (Style::Times, after + 1),
            (None, _, "pp") => (Style::Points, after + 2),
            (None, _, "percent") => (Style::Percent, after + 7),
            (None, _, "percentage") => (Style::Points, after + 10),
            (None, '$', _) => (Style::Money(None), after + 1),
            (None, _, code) if currency(code).is_some() => {
                (Style::Money(currency(code)), after + code.chars().count())
            }
            (None, mark, _) if currency(&mark.to_string()).is_some() => {
                (Style::Money(currency(&mark.to_string())), after + 1)
            }
            _ => (Style::Plain, end),
        };
        // "Q3", "week 38", "#4" name things.
        let before = self.word_before(begin);
        let named = NAMING.contains(&before.as_str()) || self.get(begin.wrapping_sub(1)) == '#';
        if style == Style::Plain && named && number.places == 0 && sign == Sign::None {
            return None;
        }
        // More of a word follows: "4x4", "3D", "2nd-hand" are names.
        if style == Style::Plain
            && scale == Decimal::ONE
            && self.get(end).is_alphabetic()
            && !is_duration(&suffix)
        {
            self.at = end;
            self.skip_word();
            return None;
        }
        self.at = end;
        let unit = Decimal::new(5, number.places + 1).checked_mul(scale)?;
        Some(Figure {
            text: self.slice(begin, end).trim().to_owned(),
            value: number.value.checked_mul(scale)?,
            style,
            sign,
            tolerance: unit,
            line: self.line.to_owned(),
        })
    }

    /// Sign and currency before the number, and where they begin: "−CHF 12", "$-3", "+4".
    fn before(&self, start: usize) -> (Sign, Option<Option<&'static str>>, usize) {
        let mut begin = start;
        let mut sign = Sign::None;
        let mut take_sign = |begin: &mut usize| {
            let c = begin.checked_sub(1).map_or('\n', |i| self.get(i));
            let before = begin.checked_sub(2).map_or(' ', |i| self.get(i));
            // A dash between two numbers or words is a range or a hyphen.
            if matches!(c, '-' | '−' | '+') && !(before.is_alphanumeric() || before == '%') {
                sign = if c == '+' { Sign::Plus } else { Sign::Minus };
                *begin -= 1;
            }
        };
        take_sign(&mut begin);
        let mut money = None;
        if let Some((code, at)) = self.money_sign_before(begin) {
            money = Some(code);
            begin = at;
            take_sign(&mut begin);
        }
        (sign, money, begin)
    }

    /// A currency mark or code that ends just before `end` (one space allowed): its currency and where it begins.
    fn money_sign_before(&self, end: usize) -> Option<(Option<&'static str>, usize)> {
        let mut i = end;
        if i > 0 && matches!(self.get(i - 1), ' ' | '\u{a0}' | '\u{202f}') {
            i -= 1;
        }
        let mark = i.checked_sub(1).map(|k| self.get(k))?;
        if mark == '$' {
            return Some((None, i - 1));
        }
        if let Some(code) = currency(&mark.to_string()) {
            return Some((Some(code), i - 1));
        }
        let letters = self.chars.get(..i)?.iter().rev().take_while(|c| c.is_alphabetic()).count();
        let code = currency(&self.slice(i - letters, i))?;
        Some((Some(code), i - letters))
    }
}

/// A character that makes the digits after it part of a word.
fn glues(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '@')
}

fn is_duration(word: &str) -> bool {
    matches!(word, "d" | "h" | "s" | "ms" | "min" | "days" | "w" | "day")
}

/// Places after the decimal point, from the separators and the lengths of the groups that follow them: thousands come
/// in threes; a last group of another length, or a second kind of separator, is the decimal part. A single separator
/// before three digits is read as thousands when it is a comma, as a decimal point when it is a point.
fn decimal_places(groups: &[(char, usize)]) -> Option<usize> {
    let separators: Vec<char> = groups.iter().take(groups.len().saturating_sub(1)).map(|g| g.0).collect();
    let lengths: Vec<usize> = groups.iter().map(|g| g.1).collect();
    let last = lengths.last().copied()?;
    let Some(final_separator) = separators.last().copied() else { return Some(0) };
    let spaces = |c: char| !matches!(c, '.' | ',');
    let repeated = separators.iter().filter(|c| **c == final_separator).count() > 1;
    let thousands = spaces(final_separator)
        || repeated
        || (final_separator == ',' && last == 3 && !separators.contains(&'.'));
    let places = if thousands { 0 } else { last };
    let whole = if thousands { &lengths[..] } else { &lengths[..lengths.len() - 1] };
    let regular =
        whole.iter().skip(1).all(|n| *n == 3) && (whole.len() == 1 || whole.first().is_some_and(|n| *n <= 3));
    regular.then_some(places)
}
