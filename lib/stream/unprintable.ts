/**
 * Control characters, those that change the direction of what follows, and those that mean something to one terminal only: nothing from the
 * network may steer one.
 */
export const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Co}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
