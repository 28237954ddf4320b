#include "pattern.h"

#include <endian.h>
#include <string.h>

static uint64_t splitmix64(uint64_t n) {
    uint64_t z = (n + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void put_word(uint8_t* bytes, uint64_t counter) {
    uint64_t word = htole64(splitmix64(counter));
    memcpy(bytes, &word, sizeof word);
}

void pattern_begin(struct pattern* pattern, uint64_t seed) {
    pattern->next = seed;
    pattern->left = 0;
}

void pattern_fill(struct pattern* pattern, uint8_t* bytes, size_t size) {
    while (size > 0) {
        if (pattern->left == 0) {
            for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
                put_word(bytes, pattern->next++);
                bytes += sizeof(uint64_t);
            }
            if (size == 0)
                return;
            put_word(pattern->word, pattern->next++);
            pattern->left = sizeof pattern->word;
        }
        size_t part = size < pattern->left ? size : pattern->left;
        memcpy(bytes, pattern->word + sizeof pattern->word - pattern->left, part);
        pattern->left -= part;
        bytes += part;
        size -= part;
    }
}

static void digest_word(struct digest* digest, const uint8_t* bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    digest->hash = (digest->hash ^ le64toh(word)) * 0x100000001b3u;
}

void digest_begin(struct digest* digest) {
    digest->hash = 0xcbf29ce484222325u;
    digest->count = 0;
}

void digest_add(struct digest* digest, const uint8_t* bytes, size_t size) {
    while (size > 0) {
        size_t filled = digest->count % sizeof digest->word;
        for (; filled == 0 && size >= sizeof digest->word; size -= sizeof digest->word) {
            digest_word(digest, bytes);
            digest->count += sizeof digest->word;
            bytes += sizeof digest->word;
        }
        if (size == 0)
            return;
        size_t part = sizeof digest->word - filled;
        if (size < part)
            part = size;
        memcpy(digest->word + filled, bytes, part);
        digest->count += part;
        if (filled + part == sizeof digest->word)
            digest_word(digest, digest->word);
        bytes += part;
        size -= part;
    }
}

uint64_t digest_end(struct digest* digest) {
    size_t filled = digest->count % sizeof digest->word;
    if (filled > 0) {
        memset(digest->word + filled, 0, sizeof digest->word - filled);
        digest_word(digest, digest->word);
    }
    uint64_t count = htole64(digest->count);
    digest_word(digest, (const uint8_t*)&count);
    return digest->hash;
}
