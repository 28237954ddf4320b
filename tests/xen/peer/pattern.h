/* Bytes that both ends of a test can make and check without a copy of them.
 *
 * Pattern: the bytes of the 64-bit little-endian words splitmix64(seed + i), i = 0, 1, ..., where
 *     splitmix64(n): z = (n + 1) * 0x9e3779b97f4a7c15
 *                    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
 *                    z = (z ^ (z >> 27)) * 0x94d049bb133111eb
 *                    z ^ (z >> 31)
 * Digest: FNV-1a over 64-bit little-endian words, the last one filled up with zero bytes, and then
 * the number of bytes as one more word: h = 0xcbf29ce484222325; for each word: h = (h ^ word) *
 * 0x100000001b3
 */
#ifndef XENRING_TESTS_XEN_PATTERN_H
#define XENRING_TESTS_XEN_PATTERN_H

#include <stddef.h>
#include <stdint.h>

struct pattern {
    uint64_t next; /* counter of the next word */
    uint8_t word[8];
    size_t left; /* bytes of `word` not given out yet */
};

void pattern_begin(struct pattern* pattern, uint64_t seed);
void pattern_fill(struct pattern* pattern, uint8_t* bytes, size_t size);

struct digest {
    uint64_t hash;
    uint64_t count; /* bytes taken so far */
    uint8_t word[8];
};

void digest_begin(struct digest* digest);
void digest_add(struct digest* digest, const uint8_t* bytes, size_t size);
/* The digest of everything added; nothing may be added afterwards. */
uint64_t digest_end(struct digest* digest);

#endif
