//! Text that may stand in a block. Data gets in through [`mrkdwn`] and [`plain`] only, so that it can be no link, no
//! mention and no formatting; what is not data is a literal of the program.
use crate::text::clean;
use jiff::Timestamp;

/// The longest piece of data in a field.
const DATA: usize = 2_000;

/// Slack's own markup: ours, with the data in it escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mrkdwn(String);

/// Data as mrkdwn, on one line: `& < >` escaped, marks that would format replaced by look-alikes (the markup knows no
/// escape for them). Blocks carry `verbatim`, so that addresses and names of channels stay text.
pub fn mrkdwn(data: &str) -> Mrkdwn {
    let tame = tamed(&clean(data, DATA));
    let mut out = String::with_capacity(tame.len());
    for (at, c) in tame.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // At the beginning of a line an escaped bracket still quotes.
            '>' if at == 0 => out.push('›'),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    Mrkdwn(out)
}

impl Mrkdwn {
    /// Markup written in the program.
    pub fn ours(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// Each `{}` of `template` is replaced by the next part; a part without a place is left out.
    pub fn fill(template: &'static str, parts: &[Mrkdwn]) -> Self {
        Self(filled(template, parts.iter().map(|part| part.0.as_str())))
    }

    /// The parts that are not empty, with `between` between them.
    pub fn join(parts: impl IntoIterator<Item = Mrkdwn>, between: &'static str) -> Self {
        let parts: Vec<String> =
            parts.into_iter().map(|part| part.0).filter(|part| !part.is_empty()).collect();
        Self(parts.join(between))
    }

    /// Data of several lines, each of them as [`mrkdwn`].
    pub fn data_lines(data: &str) -> Self {
        Self::join(data.lines().map(mrkdwn), "\n")
    }

    pub fn bold(self) -> Self {
        Self::around(self, '*')
    }

    pub fn italic(self) -> Self {
        Self::around(self, '_')
    }

    pub fn struck(self) -> Self {
        Self::around(self, '~')
    }

    /// Data in a fixed font.
    pub fn code(data: &str) -> Self {
        Self::around(mrkdwn(data), '`')
    }

    /// Marks have no effect around nothing, nor beside a space.
    fn around(inner: Self, mark: char) -> Self {
        let text = inner.0.trim();
        if text.is_empty() { Self::default() } else { Self(format!("{mark}{text}{mark}")) }
    }

    /// A mention of one person, who is notified. Anything but a user id is shown as text.
    pub fn user(id: &str) -> Self {
        if is_id(id, &['U', 'W']) { Self(format!("<@{id}>")) } else { mrkdwn(id) }
    }

    /// A channel's name. Anything but a channel id is shown as text.
    pub fn channel(id: &str) -> Self {
        if is_id(id, &['C', 'G', 'D']) { Self(format!("<#{id}>")) } else { mrkdwn(id) }
    }

    /// A moment in the reader's own time zone; `format` as in Slack's date tokens, for instance
    /// `{date_short_pretty} {time}`. Clients that know no dates show it in UTC.
    pub fn date(at: Timestamp, format: &'static str) -> Self {
        let fallback = at.strftime("%Y-%m-%d %H:%M UTC");
        Self(format!("<!date^{}^{format}|{fallback}>", at.as_second()))
    }

    /// A link to a page of ours: `public_url` as configured, `path` made of our own ids.
    pub fn link(public_url: &str, path: &str, label: &Mrkdwn) -> Self {
        let url = format!("{}/{}", public_url.trim_end_matches('/'), path.trim_start_matches('/'));
        let safe = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '"');
        let known = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
        if !known || !url.chars().all(safe) {
            return label.clone();
        }
        Self(format!("<{}|{}>", url.replace('&', "&amp;"), label.0.replace('|', "∣")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Characters, as Slack counts them.
    pub fn len(&self) -> usize {
        self.0.chars().count()
    }

    /// Pieces of at most `most` characters, cut at line ends where there are some, never inside an entity or a token.
    pub fn pieces(&self, most: usize) -> Vec<Self> {
        super::limits::pieces(&self.0, most, |at| {
            let before = self.0.get(..at).unwrap_or_default();
            let open = |from: char, to: char| before.rfind(from) > before.rfind(to);
            let entity = before.rfind('&').is_some_and(|amp| at - amp < 6 && !before[amp..].contains(';'));
            !open('<', '>') && !entity
        })
        .into_iter()
        .map(Self)
        .collect()
    }
}

/// Text in which Slack looks for nothing: labels, cells, headers, what a notification shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain(String);

/// Data as plain text, on one line. Angle brackets become look-alikes: nothing in it can be taken for a token of Slack's,
/// wherever it is shown.
pub fn plain(data: &str) -> Plain {
    Plain(bracketless(&clean(data, DATA)))
}

impl Plain {
    /// Words written in the program.
    pub fn ours(words: &'static str) -> Self {
        Self(words.to_owned())
    }

    /// Each `{}` of `template` is replaced by the next part.
    pub fn fill(template: &'static str, parts: &[Plain]) -> Self {
        Self(filled(template, parts.iter().map(|part| part.0.as_str())))
    }

    /// The parts that are not empty, with `between` between them.
    pub fn join(parts: impl IntoIterator<Item = Plain>, between: &'static str) -> Self {
        let parts: Vec<String> =
            parts.into_iter().map(|part| part.0).filter(|part| !part.is_empty()).collect();
        Self(parts.join(between))
    }

    /// Cut to `most` characters, with an ellipsis where something is missing.
    pub fn cut(&self, most: usize) -> Self {
        if self.0.chars().count() <= most {
            return self.clone();
        }
        let kept: String = self.0.chars().take(most.saturating_sub(1)).collect();
        Self(format!("{}…", kept.trim_end()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For the `text` of a message, which Slack reads as markup in some places: nothing in it is.
    pub fn fallback(&self) -> String {
        tamed(&self.0).replace('&', "&amp;")
    }
}

/// Text of a message from several lines of anybody's words.
pub(super) fn plain_lines(text: &str) -> Plain {
    let lines: Vec<String> = text.lines().map(|line| bracketless(&clean(line, 12_000))).collect();
    Plain(lines.join("\n"))
}

fn is_id(id: &str, first: &[char]) -> bool {
    let known = id.chars().next().is_some_and(|c| first.contains(&c));
    known && id.len() <= 32 && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

fn filled<'a>(template: &'static str, mut parts: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::with_capacity(template.len());
    for (n, piece) in template.split("{}").enumerate() {
        if n > 0 {
            out.push_str(parts.next().unwrap_or_default());
        }
        out.push_str(piece);
    }
    out
}

/// Look-alikes for angle brackets.
pub(super) fn bracketless(text: &str) -> String {
    text.replace('<', "‹").replace('>', "›")
}

/// Look-alikes for the marks that format text, and for the colon that begins an emoji's name.
pub(super) fn tamed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let after = text[at + c.len_utf8()..].chars().next();
        out.push(match c {
            '*' => '∗',
            '~' => '∼',
            '`' => 'ˋ',
            // Inside a word it formats nothing, and names are full of them.
            '_' if !(word(before) && word(after)) => 'ˍ',
            ':' if names_emoji(&text[at + 1..]) => '꞉',
            c => c,
        });
        before = Some(c);
    }
    out
}

/// A letter or digit beside a mark, so that the mark stands inside a word.
pub(super) fn word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

/// After a colon: the name of an emoji and the closing colon. Digits alone are a time of day.
pub(super) fn names_emoji(rest: &str) -> bool {
    let Some((name, _)) = rest.split_once(':') else { return false };
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | '\'');
    !name.is_empty()
        && name.len() <= 100
        && name.chars().all(known)
        && !name.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
pub(crate) mod tests;
