//! Metrics made of other metrics: `ltv_12m * gross_margin_rate / cac`. Each part keeps its own null rules; a part without a
//! value leaves the whole without one.
use rust_decimal::Decimal;

#[derive(Clone, Debug, PartialEq)]
pub struct Combined {
    root: Term,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Number(Decimal),
    Metric(String),
    Two(Box<Term>, char, Box<Term>),
}

impl Combined {
    /// Reads `+ - * /`, parentheses, numbers and metric ids.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, text };
        let root = parser.sum()?;
        match tokens.get(parser.at) {
            None => Ok(Self { root }),
            Some(extra) => Err(format!("'{extra}' is not understood in '{text}'")),
        }
    }

    /// The metrics it is made of, each once.
    pub fn parts(&self) -> Vec<&str> {
        let mut out = Vec::new();
        collect(&self.root, &mut out);
        out
    }

    /// The value from those of the parts; nothing when one is missing or a division has nothing to divide by.
    pub fn value(&self, part: &dyn Fn(&str) -> Option<Decimal>) -> Option<Decimal> {
        value(&self.root, part)
    }
}

fn collect<'a>(term: &'a Term, out: &mut Vec<&'a str>) {
    match term {
        Term::Number(_) => {}
        Term::Metric(id) if out.contains(&id.as_str()) => {}
        Term::Metric(id) => out.push(id),
        Term::Two(a, _, b) => {
            collect(a, out);
            collect(b, out);
        }
    }
}

fn value(term: &Term, part: &dyn Fn(&str) -> Option<Decimal>) -> Option<Decimal> {
    match term {
        Term::Number(number) => Some(*number),
        Term::Metric(id) => part(id),
        Term::Two(a, sign, b) => {
            let (a, b) = (value(a, part)?, value(b, part)?);
            match sign {
                '+' => a.checked_add(b),
                '-' => a.checked_sub(b),
                '*' => a.checked_mul(b),
                _ => a.checked_div(b),
            }
        }
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        match c {
            ' ' => {}
            '+' | '-' | '*' | '/' | '(' | ')' => out.push(c.to_string()),
            other => return Err(format!("'{other}' is not understood in '{text}'")),
        }
    }
    Ok(out)
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    text: &'a str,
}

impl Parser<'_> {
    fn take(&mut self, signs: &[&str]) -> Option<char> {
        let token = self.tokens.get(self.at).filter(|token| signs.contains(&token.as_str()))?;
        self.at += 1;
        token.chars().next()
    }

    fn sum(&mut self) -> Result<Term, String> {
        let mut term = self.product()?;
        while let Some(sign) = self.take(&["+", "-"]) {
            term = Term::Two(Box::new(term), sign, Box::new(self.product()?));
        }
        Ok(term)
    }

    fn product(&mut self) -> Result<Term, String> {
        let mut term = self.atom()?;
        while let Some(sign) = self.take(&["*", "/"]) {
            term = Term::Two(Box::new(term), sign, Box::new(self.atom()?));
        }
        Ok(term)
    }

    fn atom(&mut self) -> Result<Term, String> {
        if self.take(&["("]).is_some() {
            let term = self.sum()?;
            return match self.take(&[")"]) {
                Some(_) => Ok(term),
                None => Err(format!("a parenthesis is open in '{}'", self.text)),
            };
        }
        let token =
            self.tokens.get(self.at).ok_or_else(|| format!("something is missing in '{}'", self.text))?;
        self.at += 1;
        match token.chars().next() {
            Some(c) if c.is_ascii_digit() => {
                token.parse().map(Term::Number).map_err(|_| format!("'{token}' is not a number"))
            }
            Some(c) if c.is_ascii_lowercase() => Ok(Term::Metric(token.clone())),
            _ => Err(format!("'{token}' is no metric in '{}'", self.text)),
        }
    }
}
