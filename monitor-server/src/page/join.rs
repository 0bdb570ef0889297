//! Makes one file of the sources of one kind, without a build step.
//!
//! The sources are written to be read: with comments, indentation and imports, so that an editor and Node understand
//! each file. A browser needs none of that. Two modules become one by having one scope: `import` statements are dropped,
//! `export` stays.
//!
//! # Lines, then blanks
//!
//! [`kept_lines`] drops whole lines, by their beginnings and ends alone: blank ones, comments and imports. Of what is
//! left [`script`] and [`style`] take the blanks that no browser needs: beside brackets and operators, and the ends of
//! lines behind which nothing could begin; and commas and semicolons at the end of a list or a block. That needs to know what is a literal ([`Literals`]), for which a regular
//! expression is told from a division by what stands before it. No literal of the sources goes over several lines; a
//! test holds them to that, so an error of one line could not spread.
//!
//! Declarations that follow each other become one, also where they go over several lines.
//!
//! Names are left as they are: a stack trace of the page is readable.

/// The modules as one.
pub(super) fn script(sources: &[&str]) -> String {
    let mut declarations = Declarations::default();
    joined(sources, |out, line| {
        let line = tight_script(line);
        if let Some(declared) = declarations.step(&line) {
            out.pop();
            out.push(',');
            out.push_str(declared);
            return;
        }
        let continues =
            out.ends_with([';', '{', '(', '[', ',', ':', '?', '=', '&', '|', '>', '\n']);
        let is_continued = line.starts_with([')', ']', '}', '.', ':', '?', '&', '|']);
        if !(out.is_empty() || continues || is_continued) {
            out.push('\n');
        }
        // What stands before a bracket that closes need not be told from what follows.
        let (before, closes) = (out.chars().next_back(), line.chars().next());
        if matches!(
            (before, closes),
            (Some(','), Some(')' | ']' | '}')) | (Some(';'), Some('}'))
        ) {
            out.pop();
        }
        out.push_str(&line);
    })
}

/// The style sheets as one.
pub(super) fn style(sources: &[&str]) -> String {
    joined(sources, |out, line| {
        let line = tight_style(line);
        if line.starts_with('}') && out.ends_with(';') {
            out.pop();
        }
        if !(out.is_empty() || out.ends_with(['{', '}', ';', ',']) || line.starts_with(['{', '}']))
        {
            out.push(' ');
        }
        out.push_str(&line);
    })
}

fn joined(sources: &[&str], mut put: impl FnMut(&mut String, &str)) -> String {
    let mut joined = String::with_capacity(sources.iter().map(|source| source.len()).sum());
    let lines = sources.iter().flat_map(|source| kept_lines(source));
    lines.for_each(|line| put(&mut joined, line));
    joined.push('\n');
    joined
}

/// The lines of a source that a browser needs, trimmed.
pub(super) fn kept_lines(source: &str) -> impl Iterator<Item = &str> {
    let mut within = Within::Code;
    source.lines().filter_map(move |line| {
        let text = line.trim();
        let is_kept = match within {
            Within::Comment => {
                within = Within::Comment.until(text.ends_with("*/"));
                false
            }
            Within::Import => {
                within = Within::Import.until(text.ends_with(';'));
                false
            }
            Within::Code if text.starts_with("/*") => {
                within = Within::Comment.until(text.ends_with("*/"));
                false
            }
            Within::Code if line.starts_with("import ") => {
                within = Within::Import.until(text.ends_with(';'));
                false
            }
            Within::Code => !text.is_empty() && !text.starts_with("//"),
        };
        is_kept.then_some(text)
    })
}

/// What the next line is a part of.
#[derive(Debug, Clone, Copy)]
enum Within {
    Code,
    Comment,
    Import,
}

impl Within {
    /// Code, once it has ended.
    const fn until(self, has_ended: bool) -> Self {
        if has_ended { Self::Code } else { self }
    }
}

/// What is open at a place of a line of script: quotes, `/` for a regular expression, `[` for a class of it, and `{` for
/// code within a template.
#[derive(Debug, Default)]
pub(super) struct Literals {
    open: Vec<char>,
    is_escaped: bool,
    last: char,
}

impl Literals {
    /// Goes on by a character, with the code before it; true if it is part of a literal. The first quote is, and so is
    /// the last.
    pub(super) fn step(&mut self, c: char, before: &str) -> bool {
        let top = self.open.last().copied();
        let last = std::mem::replace(&mut self.last, c);
        let is_within = matches!(top, Some('"' | '\'' | '`' | '/' | '['));
        match (top, c) {
            _ if is_within && self.is_escaped => {
                self.is_escaped = false;
                self.last = ' ';
            }
            (_, '\\') if is_within => self.is_escaped = true,
            (Some('`'), '{') if last == '$' => self.open.push('{'),
            (Some('/'), '[') => self.open.push('['),
            (Some('['), ']') | (Some('{'), '}') => drop(self.open.pop()),
            (Some(quote), end) if is_within && quote == end => drop(self.open.pop()),
            _ if is_within => {}
            (_, '"' | '\'' | '`') | (Some('{'), '{') => self.open.push(c),
            (_, '/') if begins_expression(before) => self.open.push(c),
            _ => {}
        }
        is_within || matches!(self.open.last(), Some('"' | '\'' | '`' | '/'))
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.open.is_empty()
    }
}

/// Whether a `/` behind this begins a regular expression: nothing stands there that could be divided.
fn begins_expression(before: &str) -> bool {
    let before = before.trim_end();
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let word = before.rsplit(|c| !is_word(c)).next();
    before.is_empty()
        || before.ends_with([
            '(', ',', '=', ':', '[', '!', '&', '|', '?', '{', '}', ';', '>',
        ])
        || word.is_some_and(|word| ["return", "case", "typeof"].contains(&word))
}

/// Beside these a blank says nothing.
const PUNCTUATION: &str = "{}()[],;:=<>?&|!*%/+-";

/// A line of script without comments and without the blanks that say nothing.
fn tight_script(line: &str) -> String {
    let mut tight = String::with_capacity(line.len());
    let mut literals = Literals::default();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let is_literal = !literals.is_closed() && literals.open.last() != Some(&'{');
        if !is_literal && rest.starts_with("//") {
            break;
        }
        let is_comment = !is_literal && rest.starts_with("/*");
        if let Some(end) = rest.find("*/").filter(|_| is_comment) {
            rest = &rest[end + "*/".len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        let next = rest.chars().find(|c| *c != ' ').unwrap_or(' ');
        let is_part = literals.step(c, &tight);
        if c == ' ' && !is_part && !is_needed(tight.chars().next_back().unwrap_or(' '), next) {
            continue;
        }
        tight.push(c);
    }
    tight.truncate(tight.trim_end().len());
    tight
}

/// What a line of script that begins with `const` declares.
fn declared(line: &str) -> Option<&str> {
    let declared = line.strip_prefix("const")?;
    declared
        .starts_with([' ', '{', '['])
        .then(|| declared.trim_start())
}

/// Which declarations are open at a line of script, and whether one has ended just before it.
#[derive(Debug, Default)]
struct Declarations {
    depth: usize,
    /// How many brackets are open where each unfinished declaration begins.
    open: Vec<usize>,
    has_ended: bool,
}

impl Declarations {
    /// Goes on by a line. What it declares, if that can be part of the declaration that ended before it.
    fn step<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let declared = declared(line);
        let continued = declared.filter(|_| self.has_ended);
        if declared.is_some() {
            self.open.push(self.depth);
        }
        self.pass_brackets(line);
        self.has_ended = line.ends_with(';') && self.open.last() == Some(&self.depth);
        if self.has_ended {
            self.open.pop();
        }
        continued
    }

    fn pass_brackets(&mut self, line: &str) {
        let mut literals = Literals::default();
        for (at, c) in line.char_indices() {
            let is_part = literals.step(c, &line[..at]);
            match c {
                '(' | '[' | '{' if !is_part => self.depth += 1,
                ')' | ']' | '}' if !is_part => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

/// Whether two characters of code need a blank between them: parts of words do, and signs that would become another.
fn is_needed(last: char, next: char) -> bool {
    let are_signs = |signs: [char; 2]| signs.contains(&last) && signs.contains(&next);
    let is_free = PUNCTUATION.contains(last) || PUNCTUATION.contains(next) || last == ' ';
    !is_free || are_signs(['+', '-']) || are_signs(['/', '*'])
}

/// The same of a style sheet. A blank before `:` or behind `)` may divide selectors, and one beside `+`, `-`, `*` and `/`
/// the terms of a `calc`.
fn tight_style(line: &str) -> String {
    let mut tight = String::with_capacity(line.len());
    let mut quote = None;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let is_comment = quote.is_none() && rest.starts_with("/*");
        if let Some(end) = rest.find("*/").filter(|_| is_comment) {
            rest = &rest[end + "*/".len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match quote {
            Some(open) if open == c => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
        if c == ' ' && quote.is_none() {
            let is_free = tight.is_empty()
                || tight.ends_with(['{', '}', '(', ',', ';', ':', '>', ' '])
                || rest.starts_with(['{', '}', ')', ',', ';', '>', '!', ' ']);
            if is_free {
                continue;
            }
        }
        if c == '}' && quote.is_none() && tight.ends_with(';') {
            tight.pop();
        }
        tight.push(c);
    }
    tight.truncate(tight.trim_end().len());
    tight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_imports_and_blanks_are_dropped_and_nothing_else() {
        let first = "// One.\nimport { a } from \"./a.js\";\nimport {\n  b,\n  c,\n} from \"./b.js\";\n\n\
                     /** Two. */\nexport const x = 1; // goes\n/*\n * Three;\n */\n  if (x) {\n    y(\"import \");\n  }\n";
        let second = "  /* four */\nimportant();\nz = a /* five */ * b;\n/* six\n seven */\nlast()";
        assert_eq!(
            script(&[first, second]),
            "export const x=1;if(x){y(\"import \")}\nimportant();z=a*b;last()\n"
        );
    }

    #[test]
    fn declarations_that_follow_each_other_are_one() {
        let source = "const a = 1;\nconst { b } = a;\nconst c = `x${b}`;\n\nconst f = () => {\n  const d = \"{\";\n  const e = d;\n};\n\
                      const g = 2;\nlet h = 3;\nconst i = 4;\nexport const j = 5;\nconst k = () => { f();\nconst l = 6;\n};\n";
        assert_eq!(
            script(&[source]),
            "const a=1,{b}=a,c=`x${b}`,f=()=>{const d=\"{\",e=d},g=2;let h=3;const i=4;export const j=5;const k=()=>{f();const l=6};\n"
        );
    }

    #[test]
    fn blanks_of_literals_and_of_words_stay() {
        for (line, tight) in [
            (
                "const a = \" b  c \" + 'd  e';",
                "const a=\" b  c \"+'d  e';",
            ),
            (
                "f(`x  ${ y + `${ z }  ` } \\` w `);",
                "f(`x  ${y+`${z}  `} \\` w `);",
            ),
            (
                "r = /[ /] + \\/ (a|b)/g.test( s ) / 2 ;",
                "r=/[ /] + \\/ (a|b)/g.test(s)/2;",
            ),
            (
                "return / x /.test(y) ? a / b : showcase / 2 / d;",
                "return/ x /.test(y)?a/b:showcase/2/d;",
            ),
            ("x = a + +b - -c + d++ + e;", "x=a+ +b- -c+d++ +e;"),
            (
                "for (const [k, v] of b) w(k in v);",
                "for(const[k,v]of b)w(k in v);",
            ),
            (
                "async (a) => { await b; } // it's \"so\"",
                "async(a)=>{await b;}",
            ),
            ("u = \"http://x\"; // y", "u=\"http://x\";"),
            (
                "v = w.replace(/\"/g, \"//\");",
                "v=w.replace(/\"/g,\"//\");",
            ),
            ("\"a \\\" b  c\" + d", "\"a \\\" b  c\"+d"),
        ] {
            assert_eq!(tight_script(line), tight);
        }
    }

    #[test]
    fn a_line_ends_where_a_statement_may() {
        let source = "a = {\n  b: 1,\n}\nc\n  .d()\n  ? e\n  : f\n(g)\nh =\n  i;\nj\n";
        assert_eq!(script(&[source]), "a={b:1}\nc.d()?e:f\n(g)\nh=i;j\n");
    }

    #[test]
    fn selectors_and_sums_keep_their_blanks() {
        let source = ".a :hover,\n.b > .c + .d:not(.e) .f {\n  margin: calc(1px + 2px) 0; /* x */\n  \
                      content: \" ; }  \" ;\n}\n@media (width >= 760px) and (width < 9px) { .g { top: 0; } }\n\
                      .h\n.i { transition: none !important; }\n";
        assert_eq!(
            style(&[source]),
            ".a :hover,.b>.c + .d:not(.e) .f{margin:calc(1px + 2px) 0;content:\" ; }  \"}\
             @media (width>= 760px) and (width < 9px){.g{top:0}}.h .i{transition:none!important}\n"
        );
    }
}
