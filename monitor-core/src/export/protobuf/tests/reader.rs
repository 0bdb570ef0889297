//! A strict reader of delimited messages `io.prometheus.client.MetricFamily`, written from `metrics.proto` and the
//! specification of the wire format; shares nothing with the writer.

use std::collections::BTreeMap;

type Checked<T> = Result<T, String>;

/// A family as it was written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: &'static str,
    pub(crate) unit: String,
    pub(crate) metrics: Vec<Metric>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: Value,
    pub(crate) timestamp_ms: Option<i64>,
    /// Seconds since 1970.
    pub(crate) started: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Summary {
        count: u64,
        sum: f64,
        quantiles: Vec<(f64, f64)>,
    },
    Histogram(Histogram),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Upper bound and cumulative count, in the order they were written.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// By the index of their bucket.
    pub(crate) bucket_exemplars: BTreeMap<usize, Exemplar>,
    pub(crate) native: Option<Native>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Native {
    pub(crate) schema: i64,
    pub(crate) zero_threshold: f64,
    pub(crate) zero: u64,
    pub(crate) positive: Side,
    pub(crate) negative: Side,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// The buckets of one sign.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Side {
    /// Offset and length.
    pub(crate) spans: Vec<(i64, u64)>,
    /// Index and count of each bucket of the spans, the empty ones too.
    pub(crate) buckets: Vec<(i64, u64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// Seconds since 1970.
    pub(crate) at: Option<f64>,
}

/// The families of a page.
pub(crate) fn read(mut page: &[u8]) -> Checked<Vec<Family>> {
    let mut families = Vec::new();
    while !page.is_empty() {
        let length = varint(&mut page)?;
        families.push(family(take(&mut page, length)?)?);
    }
    Ok(families)
}

fn family(bytes: &[u8]) -> Checked<Family> {
    let mut message = Message::read(bytes)?;
    let types = ["counter", "gauge", "summary", "untyped", "histogram"];
    let kind = message.number(3)?.ok_or("a family without type")?;
    let at = usize::try_from(kind).map_err(|_| "a type")?;
    let kind = *types.get(at).ok_or(format!("the type {at}"))?;
    let metrics = message.all(4)?;
    let metrics: Checked<Vec<_>> = metrics.iter().map(|bytes| metric(bytes, kind)).collect();
    let family = Family {
        name: message.text(1)?.ok_or("a family without name")?,
        help: message.text(2)?.unwrap_or_default(),
        kind,
        unit: message.text(5)?.unwrap_or_default(),
        metrics: metrics?,
    };
    message.end()?;
    Ok(family)
}

fn metric(bytes: &[u8], kind: &str) -> Checked<Metric> {
    let mut message = Message::read(bytes)?;
    let labels = labels(&message.all(1)?)?;
    let timestamp_ms = message.number(6)?.map(u64::cast_signed);
    let field = match kind {
        "gauge" => 2,
        "counter" => 3,
        "summary" => 4,
        "untyped" => 5,
        _ => 7,
    };
    let inner = message.one(field)?.ok_or("a metric without value")?;
    message.end()?;
    let mut inner = Message::read(&inner)?;
    let started = match kind {
        "counter" => inner.one(3)?,
        "summary" => inner.one(4)?,
        "histogram" => inner.one(15)?,
        _ => None,
    };
    let value = match kind {
        "summary" => summary(&mut inner)?,
        "histogram" => Value::Histogram(histogram(&mut inner)?),
        _ => Value::Number(inner.double(1)?.ok_or("no value")?),
    };
    inner.end()?;
    Ok(Metric {
        labels,
        value,
        timestamp_ms,
        started: started.map(|bytes| time(&bytes)).transpose()?,
    })
}

fn summary(message: &mut Message) -> Checked<Value> {
    let mut quantiles = Vec::new();
    for bytes in message.all(3)? {
        let mut pair = Message::read(&bytes)?;
        let quantile = pair.double(1)?.ok_or("no quantile")?;
        quantiles.push((quantile, pair.double(2)?.ok_or("no value")?));
        pair.end()?;
    }
    Ok(Value::Summary {
        count: message.number(1)?.ok_or("no count")?,
        sum: message.double(2)?.ok_or("no sum")?,
        quantiles,
    })
}

fn histogram(message: &mut Message) -> Checked<Histogram> {
    let mut histogram = Histogram {
        count: message.number(1)?.ok_or("no count")?,
        sum: message.double(2)?.ok_or("no sum")?,
        ..Histogram::default()
    };
    for (at, bytes) in message.all(3)?.iter().enumerate() {
        let mut bucket = Message::read(bytes)?;
        let below = bucket.number(1)?.ok_or("no count of a bucket")?;
        let upper = bucket.double(2)?.ok_or("no bound of a bucket")?;
        if let Some(bytes) = bucket.one(3)? {
            histogram.bucket_exemplars.insert(at, exemplar(&bytes)?);
        }
        bucket.end()?;
        histogram.buckets.push((upper, below));
    }
    let schema = message.number(5)?;
    let zero_threshold = message.double(6)?;
    let zero = message.number(7)?;
    let negative = side(message, 9, 10)?;
    let positive = side(message, 12, 13)?;
    let exemplars = message.all(16)?;
    let exemplars: Checked<Vec<_>> = exemplars.iter().map(|bytes| exemplar(bytes)).collect();
    histogram.native = match (schema, zero_threshold, zero) {
        (None, None, None) => None,
        (Some(schema), Some(zero_threshold), Some(zero)) => Some(Native {
            schema: zigzag(schema),
            zero_threshold,
            zero,
            positive,
            negative,
            exemplars: exemplars?,
        }),
        some => return Err(format!("only some native fields: {some:?}")),
    };
    Ok(histogram)
}

fn side(message: &mut Message, spans: u64, deltas: u64) -> Checked<Side> {
    let mut side = Side::default();
    for bytes in message.all(spans)? {
        let mut span = Message::read(&bytes)?;
        let offset = zigzag(span.number(1)?.ok_or("no offset")?);
        side.spans
            .push((offset, span.number(2)?.ok_or("no length")?));
        span.end()?;
    }
    let packed = message.one(deltas)?.unwrap_or_default();
    let (mut packed, mut index, mut count) = (&*packed, 0_i64, 0_u64);
    for (offset, length) in &side.spans {
        index += offset;
        for _ in 0..*length {
            count = count.wrapping_add_signed(zigzag(varint(&mut packed)?));
            side.buckets.push((index, count));
            index += 1;
        }
    }
    if packed.is_empty() {
        Ok(side)
    } else {
        Err("more deltas than buckets".to_owned())
    }
}

fn exemplar(bytes: &[u8]) -> Checked<Exemplar> {
    let mut message = Message::read(bytes)?;
    let exemplar = Exemplar {
        labels: labels(&message.all(1)?)?,
        value: message.double(2)?.ok_or("no value")?,
        at: message.one(3)?.map(|bytes| time(&bytes)).transpose()?,
    };
    message.end()?;
    Ok(exemplar)
}

fn labels(pairs: &[Vec<u8>]) -> Checked<Vec<(String, String)>> {
    let pair = |bytes: &Vec<u8>| {
        let mut pair = Message::read(bytes)?;
        let name = pair.text(1)?.ok_or("a label without name")?;
        let value = pair.text(2)?.ok_or("a label without value")?;
        pair.end()?;
        Ok((name, value))
    };
    pairs.iter().map(pair).collect()
}

#[expect(clippy::cast_precision_loss, reason = "times of this age")]
fn time(bytes: &[u8]) -> Checked<f64> {
    let mut message = Message::read(bytes)?;
    let seconds = message.number(1)?.ok_or("no seconds")?;
    let nanos = message.number(2)?.ok_or("no nanoseconds")?;
    message.end()?;
    if nanos >= 1_000_000_000 {
        return Err(format!("{nanos} ns"));
    }
    Ok(seconds as f64 + nanos as f64 / 1e9)
}

/// The fields of a message that were not asked for yet.
struct Message(BTreeMap<u64, Vec<Wire>>);

#[derive(Debug, Clone)]
enum Wire {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(Vec<u8>),
}

impl Message {
    fn read(mut bytes: &[u8]) -> Checked<Self> {
        let mut fields = BTreeMap::<_, Vec<_>>::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let value = match key & 7 {
                0 => Wire::Varint(varint(&mut bytes)?),
                1 => {
                    let eight = take(&mut bytes, 8)?;
                    Wire::Fixed64(eight.try_into().map_err(|_| "eight bytes")?)
                }
                2 => {
                    let length = varint(&mut bytes)?;
                    Wire::Bytes(take(&mut bytes, length)?.to_vec())
                }
                kind => return Err(format!("the wire type {kind}")),
            };
            fields.entry(key >> 3).or_default().push(value);
        }
        Ok(Self(fields))
    }

    fn single(&mut self, field: u64) -> Checked<Option<Wire>> {
        let mut values = self.0.remove(&field).unwrap_or_default();
        match values.len() {
            0 | 1 => Ok(values.pop()),
            more => Err(format!("the field {field} stands {more} times")),
        }
    }

    fn number(&mut self, field: u64) -> Checked<Option<u64>> {
        match self.single(field)? {
            None => Ok(None),
            Some(Wire::Varint(value)) => Ok(Some(value)),
            Some(other) => Err(format!("the field {field} is {other:?}")),
        }
    }

    fn double(&mut self, field: u64) -> Checked<Option<f64>> {
        match self.single(field)? {
            None => Ok(None),
            Some(Wire::Fixed64(bytes)) => Ok(Some(f64::from_le_bytes(bytes))),
            Some(other) => Err(format!("the field {field} is {other:?}")),
        }
    }

    fn one(&mut self, field: u64) -> Checked<Option<Vec<u8>>> {
        let mut all = self.all(field)?;
        match all.len() {
            0 | 1 => Ok(all.pop()),
            more => Err(format!("the field {field} stands {more} times")),
        }
    }

    fn text(&mut self, field: u64) -> Checked<Option<String>> {
        let text = self.one(field)?.map(String::from_utf8).transpose();
        text.map_err(|error| error.to_string())
    }

    fn all(&mut self, field: u64) -> Checked<Vec<Vec<u8>>> {
        let values = self.0.remove(&field).unwrap_or_default();
        let bytes = |value| match value {
            Wire::Bytes(bytes) => Ok(bytes),
            other => Err(format!("the field {field} is {other:?}")),
        };
        values.into_iter().map(bytes).collect()
    }

    /// All fields were asked for.
    fn end(self) -> Checked<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(field) => Err(format!("the unknown field {field}")),
        }
    }
}

fn take<'b>(bytes: &mut &'b [u8], length: u64) -> Checked<&'b [u8]> {
    let length = usize::try_from(length).map_err(|_| "a length")?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or("it ends early")?;
    *bytes = rest;
    Ok(taken)
}

/// A number in as few bytes as it takes.
fn varint(bytes: &mut &[u8]) -> Checked<u64> {
    let mut value = 0_u128;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("a varint ends early")?;
        *bytes = rest;
        value |= u128::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            if *first == 0 && shift > 0 {
                return Err("a varint longer than it must be".to_owned());
            }
            return u64::try_from(value).map_err(|_| "a varint beyond 64 bits".to_owned());
        }
    }
    Err("a varint without end".to_owned())
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
