//! JSON as it was written: numbers keep their digits (money is never a float), and what PostgreSQL cannot store is seen.
//! Of a key that stands twice the last value counts, as in PostgreSQL's `jsonb`.
use std::borrow::Cow;
use std::collections::HashMap;

/// Deeper documents are refused unread; `events.md` §1 allows far less.
const MAX_DEPTH: usize = 64;
/// Objects with fewer keys are searched key by key for doubles; larger ones with a table.
const FEW_KEYS: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// As written: the grammar of JSON holds, its size may be anything.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// A text (or the value of a key) with a NUL character or half a surrogate pair, which PostgreSQL refuses; here both are U+FFFD.
    Unstorable(String),
    List(Vec<Json<'a>>),
    Map(Vec<(Cow<'a, str>, Json<'a>)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not JSON, from this byte on.
    Syntax(usize),
    TooDeep,
}

type Read<T> = Result<T, Unreadable>;

/// Reads one value and nothing behind it.
pub fn parse(text: &str) -> Read<Json<'_>> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at == reader.bytes.len() { Ok(value) } else { reader.wrong() }
}

/// Whether a text is a number in the grammar of JSON.
pub fn is_number(text: &str) -> bool {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    reader.number().is_ok() && reader.at == text.len()
}

impl<'a> Json<'a> {
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Unstorable(_)
            | Self::List(_)
            | Self::Map(_) => None,
        }
    }

    pub fn map(&self) -> Option<&[(Cow<'a, str>, Json<'a>)]> {
        match self {
            Self::Map(entries) => Some(entries),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::Unstorable(_)
            | Self::List(_) => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.map()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Containers within containers: 0 for a scalar, 1 for `{}`.
    pub fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Json::depth).max().unwrap_or(0),
            Self::Map(entries) => 1 + entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Unstorable(_) => 0,
        }
    }

    /// Compact JSON, keys and digits as they came.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quote(text, out),
            Self::Unstorable(text) => quote(text, out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    quote(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// A JSON string: only what must be escaped is (RFC 8785 §3.2.2.2).
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            0x0d => out.push_str("\\r"),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

/// A string as read: decoded, and whether it can be stored.
type Decoded<'a> = (Cow<'a, str>, bool);

impl<'a> Reader<'a> {
    fn wrong<T>(&self) -> Read<T> {
        Err(Unreadable::Syntax(self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Read<Json<'a>> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            self.wrong()
        }
    }

    fn value(&mut self, depth: usize) -> Read<Json<'a>> {
        self.blanks();
        match self.peek() {
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'"') => {
                self.at += 1;
                Ok(match self.string()? {
                    (text, true) => Json::Text(text),
                    (text, false) => Json::Unstorable(text.into_owned()),
                })
            }
            Some(b'-' | b'0'..=b'9') => {
                let from = self.at;
                self.number()?;
                Ok(Json::Number(Cow::Borrowed(&self.text[from..self.at])))
            }
            Some(b'[' | b'{') if depth >= MAX_DEPTH => Err(Unreadable::TooDeep),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            _ => self.wrong(),
        }
    }

    fn list(&mut self, depth: usize) -> Read<Json<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::List(items));
                }
                _ => return self.wrong(),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Read<Json<'a>> {
        self.at += 1;
        let mut entries = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Map(entries));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return self.wrong();
            }
            self.at += 1;
            let (key, storable) = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return self.wrong();
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            entries.push((key, if storable { value } else { Json::Unstorable(String::new()) }));
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Map(last_of_each(entries)));
                }
                _ => return self.wrong(),
            }
        }
    }

    fn digits(&mut self) -> Read<()> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { self.wrong() }
    }

    fn number(&mut self) -> Read<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// From behind the opening quote to behind the closing one.
    fn string(&mut self) -> Read<Decoded<'a>> {
        let from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = &self.text[from..self.at];
                    self.at += 1;
                    return Ok((Cow::Borrowed(text), true));
                }
                Some(b'\\') => return self.escaped(from),
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return self.wrong(),
            }
        }
    }

    fn escaped(&mut self, from: usize) -> Read<Decoded<'a>> {
        let mut out = String::with_capacity(self.at - from + 32);
        let mut storable = true;
        let mut from = from;
        loop {
            match self.peek() {
                Some(b'"') => {
                    out.push_str(&self.text[from..self.at]);
                    self.at += 1;
                    return Ok((Cow::Owned(out), storable));
                }
                Some(b'\\') => {
                    out.push_str(&self.text[from..self.at]);
                    self.at += 1;
                    let c = self.escape()?;
                    storable &= c.is_some();
                    out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                    from = self.at;
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return self.wrong(),
            }
        }
    }

    /// The character behind a backslash; none for NUL and for half a surrogate pair.
    fn escape(&mut self) -> Read<Option<char>> {
        let Some(byte) = self.peek() else { return self.wrong() };
        self.at += 1;
        Ok(Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                return Ok(match first {
                    0 => None,
                    0xd800..=0xdbff => self.pair(first)?,
                    _ => char::from_u32(first),
                });
            }
            _ => {
                self.at -= 1;
                return self.wrong();
            }
        }))
    }

    /// The second half of a pair, if it is one; what is none is left to be read again.
    fn pair(&mut self, first: u32) -> Read<Option<char>> {
        let before = self.at;
        if self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..=0xdfff).contains(&second) {
                return Ok(char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
            }
            self.at = before;
        }
        Ok(None)
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let mut code = 0;
        for digit in digits {
            let Some(value) = char::from(*digit).to_digit(16) else { return self.wrong() };
            code = code * 16 + value;
        }
        if digits.len() < 4 {
            return self.wrong();
        }
        self.at += 4;
        Ok(code)
    }
}

type Entries<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

fn last_of_each(mut entries: Entries<'_>) -> Entries<'_> {
    if entries.len() <= FEW_KEYS {
        let mut at = 0;
        while at < entries.len() {
            if entries[at + 1..].iter().any(|(key, _)| *key == entries[at].0) {
                entries.remove(at);
            } else {
                at += 1;
            }
        }
        return entries;
    }
    let last: HashMap<String, usize> =
        entries.iter().enumerate().map(|(at, (key, _))| (key.to_string(), at)).collect();
    let keep: Vec<bool> =
        entries.iter().enumerate().map(|(at, (key, _))| last.get(&**key) == Some(&at)).collect();
    let mut keep = keep.into_iter();
    entries.retain(|_| keep.next().unwrap_or(true));
    entries
}
