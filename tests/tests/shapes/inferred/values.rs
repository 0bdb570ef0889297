//! Types, with expressions that are of them only where the compiler expects that type.

use super::choice::Choice;

/// Types whose values can be printed: expressions of them, which the compiler understands wherever it learns the type.
const PRINTED: &[(&str, &[&str])] = &[
    (
        "u64",
        &[
            "5",
            "Default::default()",
            "\"7\".parse().unwrap()",
            "n.into()",
            "[1, 2].into_iter().sum()",
            "1 << 40",
        ],
    ),
    (
        "i8",
        &[
            "-5",
            "Default::default()",
            "\"7\".parse().unwrap()",
            "(n as i32).try_into().unwrap()",
        ],
    ),
    (
        "f32",
        &[
            "1.5",
            "Default::default()",
            "n.into()",
            "\"0.5\".parse().unwrap()",
        ],
    ),
    (
        "String",
        &[
            "\"a\".into()",
            "Default::default()",
            "[\"a\", \"b\"].into_iter().collect()",
        ],
    ),
    (
        "Vec<u64>",
        &[
            "vec![]",
            "(0..3).collect()",
            "Default::default()",
            "[1, 2].into()",
            "Vec::from([1, 2])",
        ],
    ),
    (
        "Result<Vec<u64>, ParseIntError>",
        &[
            "\"1 x\".split(' ').map(|x| x.parse()).collect()",
            "\"1\".parse().map(|x| vec![x])",
        ],
    ),
    (
        "BTreeMap<String, f32>",
        &["[(\"a\".into(), 1.0)].into()", "Default::default()"],
    ),
];

/// Types that an expression is turned into where it stands, if the type is known there.
const COERCED: &[(&str, &[&str])] = &[
    (
        "Box<dyn Debug>",
        &["Box::new(5)", "Box::new(\"x\")", "Box::new([1, 2])"],
    ),
    ("&'static [u64]", &["&[1, 2]", "&[]", "Default::default()"]),
    ("&'static dyn Debug", &["&5", "&\"x\""]),
    ("&'static str", &["HELD", "&HELD", "\"x\""]),
];

/// Functions: `show` calls one named `v`.
const CALLED: &[(&str, &[&str], &str)] = &[
    (
        "fn(u64) -> u64",
        &["twice", "|x| x + 1", "|x| x.pow(2)"],
        "v(3).to_string()",
    ),
    (
        "Box<dyn Fn(&str) -> bool>",
        &[
            "Box::new(move |s| s.len() > n.into())",
            "Box::new(|s| s.is_empty())",
            "Box::new(long)",
        ],
        "v(\"abcd\").to_string()",
    ),
    (
        "Box<dyn FnMut(&mut Vec<u64>)>",
        &["Box::new(move |v| v.push(n.into()))"],
        "changed(v)",
    ),
    (
        "Box<dyn for<'a> Fn(&'a str) -> &'a str>",
        &["Box::new(|s| s.trim())"],
        "v(\" a \").to_owned()",
    ),
];

/// Functions behind `impl`: the return type alone says what they are given.
const OPAQUE: &[(&str, &str, &str)] = &[
    (
        "impl Fn(&str) -> bool",
        "move |s| s.len() > n.into()",
        "v(\"abcd\").to_string()",
    ),
    (
        "impl Test",
        "move |s| s.len() > n.into()",
        "v(\"abcd\").to_string()",
    ),
    (
        "impl for<'a> Fn(&'a str) -> &'a str + Clone",
        "move |s| s.trim()",
        "v(\" a \").to_owned()",
    ),
    (
        "impl FnMut(&mut Vec<u64>)",
        "move |v| v.push(n.into())",
        "changed(v)",
    ),
    (
        "impl FnOnce(Vec<u64>) -> u64",
        "move |v| v.iter().sum::<u64>() + u64::from(n)",
        "v(vec![1]).to_string()",
    ),
    (
        "impl Fn(&str) -> Box<dyn Fn(&str) -> bool>",
        "|_| Box::new(|s| s.is_empty())",
        "v(\"a\")(\"b\").to_string()",
    ),
    (
        "impl Fn(&str) -> Result<Vec<u64>, Problem>",
        "|s| Ok(vec![s.parse()?])",
        "format!(\"{:?}\", v(\"x\"))",
    ),
    (
        "impl Fn(&str) -> Later<usize>",
        "|s| { let n = s.len(); Box::pin(async move { n }) }",
        "block_on(v(\"a\")).to_string()",
    ),
    (
        "impl AsyncFn(&str) -> usize",
        "async |s| s.len()",
        "block_on(v(\"a\")).to_string()",
    ),
    (
        "impl Fn(u8) -> &'static [u64]",
        "|x| if x > 1 { &[1, 2] } else { &[] }",
        "format!(\"{:?}\", v(1))",
    ),
];

/// Other things behind `impl`, with what the compiler learns from the type in the end.
const HIDDEN: &[(&str, &str)] = &[
    ("impl Iterator<Item = u64>", "(0..3).map(|x| x + 1)"),
    (
        "impl Iterator<Item = u64>",
        "\"1 2\".split(' ').map(|x| x.parse().unwrap())",
    ),
    ("impl IntoIterator<Item = Vec<u64>>", "[(0..3).collect()]"),
];

/// A type, with what the body of a function may say to make a value of it.
#[derive(Debug)]
pub(super) struct Typed {
    /// The type.
    pub(super) ty: String,
    /// An expression of it; `n` is a `u8`.
    pub(super) value: String,
    /// Another one, if it has several: behind an `impl`, each closure is of a type of its own.
    pub(super) other: Option<String>,
    /// What gives the text of a value `v`.
    pub(super) show: String,
}

impl Typed {
    /// One of which a value comes out of any expression: where the type is known only in the end, as that of an async block.
    pub(super) fn late(choice: &mut Choice, depth: usize) -> Self {
        match choice.below(if depth == 0 { 1 } else { 5 }) {
            1 | 2 => Self::around(choice, |choice| Self::late(choice, depth - 1)),
            _ => Self::leaf(choice, PRINTED),
        }
    }

    /// One of which a value needs its type where it stands.
    pub(super) fn early(choice: &mut Choice, depth: usize) -> Self {
        match choice.below(if depth == 0 { 3 } else { 7 }) {
            0 => Self::leaf(choice, PRINTED),
            1 => Self::leaf(choice, COERCED),
            2 => Self::called(choice),
            _ => Self::around(choice, |choice| Self::early(choice, depth - 1)),
        }
    }

    /// One that has an `impl` in it.
    pub(super) fn opaque(choice: &mut Choice) -> Self {
        let (ty, value, show) = choice.of(OPAQUE);
        let function = Self {
            ty: ty.into(),
            value: value.into(),
            other: None,
            show: show.into(),
        };
        match choice.below(6) {
            0 => {
                let beside = Self::early(choice, 1);
                Self::pair(&function, &beside)
            }
            1 => {
                let beside = Self::early(choice, 1);
                Self::pair(&beside, &function)
            }
            2 => {
                let hidden = Self::hidden(choice);
                Self::around(choice, |_| hidden)
            }
            3 => Self::hidden(choice),
            _ => function,
        }
    }

    fn hidden(choice: &mut Choice) -> Self {
        let (ty, value) = choice.of(HIDDEN);
        let show = "format!(\"{:?}\", v.into_iter().collect::<Vec<_>>())".into();
        Self {
            ty: ty.into(),
            value: value.into(),
            other: None,
            show,
        }
    }

    fn leaf(choice: &mut Choice, types: &[(&str, &[&str])]) -> Self {
        let (ty, values) = choice.of(types);
        let [value, other] = [0, 1].map(|_| (choice.of(values)).to_owned());
        let show = "format!(\"{v:?}\")".into();
        Self {
            ty: ty.into(),
            value,
            other: Some(other),
            show,
        }
    }

    fn called(choice: &mut Choice) -> Self {
        let (ty, values, show) = choice.of(CALLED);
        let [value, other] = [0, 1].map(|_| (choice.of(values)).to_owned());
        Self {
            ty: ty.into(),
            value,
            other: Some(other),
            show: show.into(),
        }
    }

    fn pair(first: &Self, second: &Self) -> Self {
        let (one, two) = (&first.show, &second.show);
        let others = first.other.as_ref().zip(second.other.as_ref());
        Self {
            ty: format!("({}, {})", first.ty, second.ty),
            value: format!("({}, {})", first.value, second.value),
            other: others.map(|(first, second)| format!("({first}, {second})")),
            show: format!(
                "{{ let (v, two) = v; let one = {{ let mut v = v; {one} }}; let mut v = two; format!(\"({{one}}, {{}})\", {two}) }}"
            ),
        }
    }

    fn around(choice: &mut Choice, inner: impl FnOnce(&mut Choice) -> Self) -> Self {
        let held = inner(choice);
        let (ty, show) = (&held.ty, &held.show);
        let forms = [
            (
                "Option<@>",
                "Some(@)",
                "v.map(|mut v| #).unwrap_or_default()",
            ),
            (
                "Result<@, Problem>",
                "Ok(@)",
                "v.map(|mut v| #).unwrap_or_else(|e| format!(\"{e:?}\"))",
            ),
            (
                "Vec<@>",
                "vec![@]",
                "v.into_iter().map(|mut v| #).collect::<Vec<String>>().join(\" \")",
            ),
            ("[@; 1]", "[@]", "v.map(|mut v| #).join(\" \")"),
            ("Box<@>", "Box::new(@)", "{ let mut v = *v; # }"),
        ];
        let (outer, made, shown) = choice.of(&forms);
        Self {
            ty: outer.replace('@', ty),
            value: made.replace('@', &held.value),
            other: held.other.as_ref().map(|other| made.replace('@', other)),
            show: shown.replace('#', show),
        }
    }
}
