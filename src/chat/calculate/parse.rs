//! The grammar of `calculate`: sums and products of numbers, cells in braces, functions and brackets.
use rust_decimal::Decimal;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Number(Decimal),
    /// What stands between braces.
    Cell(String),
    Negate(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Op {
    pub fn word(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Sum,
    Avg,
    Min,
    Max,
    Abs,
}

impl Function {
    const ALL: [Self; 5] = [Self::Sum, Self::Avg, Self::Min, Self::Max, Self::Abs];

    pub fn word(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Abs => "abs",
        }
    }
}

/// Brackets within brackets; deeper ones are refused before they cost anything.
const DEEPEST: u32 = 32;

/// The expression, or what is wrong with it in words.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, depth: 0 };
    let expr = parser.sum()?;
    parser.space();
    match parser.peek() {
        None => Ok(expr),
        Some(c) => Err(format!("'{c}' at character {} is not expected here.", parser.at + 1)),
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn eat(&mut self, any: &[char]) -> Option<char> {
        self.space();
        let c = self.peek().filter(|c| any.contains(c))?;
        self.at += 1;
        Some(c)
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        while let Some(c) = self.eat(&['+', '-', '−']) {
            let op = if c == '+' { Op::Add } else { Op::Subtract };
            left = Expr::Binary(op, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.atom()?;
        while let Some(c) = self.eat(&['*', '/', '×', '÷']) {
            let op = if matches!(c, '*' | '×') { Op::Multiply } else { Op::Divide };
            left = Expr::Binary(op, Box::new(left), Box::new(self.atom()?));
        }
        Ok(left)
    }

    fn atom(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("The expression is nested too deeply.".to_owned());
        }
        let atom = self.one();
        self.depth -= 1;
        atom
    }

    fn one(&mut self) -> Result<Expr, String> {
        self.space();
        match self.peek() {
            None => Err("The expression ends too early.".to_owned()),
            Some('(') => {
                self.at += 1;
                let inner = self.sum()?;
                self.eat(&[')']).ok_or("A closing bracket ')' is missing.")?;
                Ok(inner)
            }
            Some('-' | '−') => {
                self.at += 1;
                Ok(Expr::Negate(Box::new(self.atom()?)))
            }
            Some('{') => {
                let start = self.at + 1;
                while self.peek().is_some_and(|c| c != '}') {
                    self.at += 1;
                }
                let path: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
                self.eat(&['}']).ok_or("A closing brace '}' is missing.")?;
                Ok(Expr::Cell(path.trim().to_owned()))
            }
            Some(c) if c.is_ascii_digit() || c == '.' => {
                let start = self.at;
                while self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
                    self.at += 1;
                }
                let text: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
                text.parse().map(Expr::Number).map_err(|_| format!("'{text}' is not a number."))
            }
            Some(c) if c.is_alphabetic() => {
                let start = self.at;
                while self.peek().is_some_and(char::is_alphanumeric) {
                    self.at += 1;
                }
                let word: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
                let function = Function::ALL.into_iter().find(|f| f.word() == word.to_lowercase());
                let function = function.ok_or_else(|| {
                    format!("'{word}' is not known; use sum, avg, min, max, abs, or a cell in braces.")
                })?;
                self.eat(&['(']).ok_or_else(|| format!("'{word}' needs brackets: {word}(…)."))?;
                let mut arguments = vec![self.sum()?];
                while self.eat(&[',']).is_some() {
                    arguments.push(self.sum()?);
                }
                self.eat(&[')']).ok_or("A closing bracket ')' is missing.")?;
                Ok(Expr::Call(function, arguments))
            }
            Some(c) => Err(format!("'{c}' at character {} is not expected here.", self.at + 1)),
        }
    }
}
