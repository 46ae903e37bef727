//! Byte-stuffing both ways, beside its limits: a memchr scan over the same octets, and a memcpy of them.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use pop3_benches::Mail;
use pop3_proto::body::{BodyDecoder, BodyEncoder, BodyPiece, LineEnds, OctetCounter};

/// As much as drivers read at once.
const CHUNK: usize = 64 * 1024;
const SIZE: usize = 1 << 20;

/// What goes on the wire, gathered as a driver gathers short runs.
fn stuff(message: &[u8], wire: &mut Vec<u8>) {
    wire.clear();
    let mut encoder = BodyEncoder::whole();
    for chunk in message.chunks(CHUNK) {
        for run in encoder.encode(chunk) {
            wire.extend_from_slice(run);
        }
    }
    wire.extend_from_slice(encoder.finish());
}

/// The same without gathering: what is left when long runs are written from where they are.
fn stuff_slices(message: &[u8]) -> usize {
    let mut octets = 0;
    let mut encoder = BodyEncoder::whole();
    for chunk in message.chunks(CHUNK) {
        for run in encoder.encode(chunk) {
            octets += black_box(run).len();
        }
    }
    octets + encoder.finish().len()
}

fn unstuff(wire: &[u8]) -> usize {
    let mut octets = 0;
    let mut decoder = BodyDecoder::new(LineEnds::Strict);
    for chunk in wire.chunks(CHUNK) {
        let mut input = chunk;
        while let Some(BodyPiece::Chunk(content)) = decoder.next(&mut input) {
            octets += black_box(content).len();
        }
    }
    octets
}

fn limits(group: &mut BenchmarkGroup<'_, WallTime>, octets: &[u8]) {
    group.bench_function("limit-memchr", |b| {
        b.iter(|| memchr::memchr_iter(b'\n', black_box(octets)).map(black_box).count());
    });
    let mut copy = Vec::with_capacity(octets.len());
    group.bench_function("limit-memcpy", |b| {
        b.iter(|| {
            copy.clear();
            copy.extend_from_slice(black_box(octets));
            copy.len()
        });
    });
}

fn body(c: &mut Criterion) {
    for mail in Mail::ALL {
        let message = mail.message(SIZE, 7);
        let mut wire = Vec::new();
        stuff(&message, &mut wire);

        let mut group = c.benchmark_group(format!("stuff/{}", mail.name()));
        group.throughput(Throughput::Bytes(message.len() as u64));
        limits(&mut group, &message);
        group.bench_function("slices", |b| b.iter(|| stuff_slices(black_box(&message))));
        let mut out = Vec::with_capacity(2 * SIZE);
        group.bench_function("gathered", |b| b.iter(|| stuff(black_box(&message), &mut out)));
        group.bench_function("count", |b| {
            b.iter(|| {
                let mut counter = OctetCounter::new();
                counter.update(black_box(&message));
                counter.finish()
            });
        });
        group.finish();

        let mut group = c.benchmark_group(format!("unstuff/{}", mail.name()));
        group.throughput(Throughput::Bytes(wire.len() as u64));
        limits(&mut group, &wire);
        group.bench_function("slices", |b| b.iter(|| unstuff(black_box(&wire))));
        group.finish();
    }
}

criterion_group!(benches, body);
criterion_main!(benches);
