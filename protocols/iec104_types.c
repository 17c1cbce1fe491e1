/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every type identification consists of: IEC 60870-5-101:2003, 7.3 (its tables of ASDUs), IEC 60870-5-104:2006, 8 (types with
 * CP56Time2a in the control direction), IEC/TS 60870-5-7:2013 (secure authentication).
 */
#include "protocols/iec104.h"

#define SQ   (I104_T_SQ | I104_T_MANY)
#define MANY I104_T_MANY

#define T(group, form, space, size, time, flags, access)                                                     \
	{                                                                                                    \
		I104_G_##group, I104_F_##form, I104_SPACE_##space, size, time, flags, ACCESS_##access        \
	}
/* Without time tag, with CP24Time2a, with CP56Time2a. */
#define PLAIN(form, space, size)                T(DATA, form, space, size, 0, SQ, READ)
#define CP24(form, space, size)                 T(DATA, form, space, (size) + 3, 3, MANY, READ)
#define CP56(form, space, size)                 T(DATA, form, space, (size) + 7, 7, MANY, READ)
#define EVENT(form, size, time)                 T(EVENT, form, PROTECTION, (size) + (time), time, MANY, READ)
#define COMMAND(form, space, size, access)      T(COMMAND, form, space, size, 0, 0, access)
#define COMMAND_TIME(form, space, size, access) T(COMMAND, form, space, (size) + 7, 7, 0, access)

const struct iec104_type iec104_types[I104_TYPE_MAX + 1] = {
	[1] = PLAIN(SIQ, SINGLE, 1),
	[2] = CP24(SIQ, SINGLE, 1),
	[3] = PLAIN(DIQ, DOUBLE, 1),
	[4] = CP24(DIQ, DOUBLE, 1),
	[5] = PLAIN(VTI, STEP, 2),
	[6] = CP24(VTI, STEP, 2),
	[7] = PLAIN(BSI, BITSTRING, 5),
	[8] = CP24(BSI, BITSTRING, 5),
	[9] = PLAIN(NVA, NORMALISED, 3),
	[10] = CP24(NVA, NORMALISED, 3),
	[11] = PLAIN(SVA, SCALED, 3),
	[12] = CP24(SVA, SCALED, 3),
	[13] = PLAIN(R32, FLOAT, 5),
	[14] = CP24(R32, FLOAT, 5),
	[15] = T(COUNTER, BCR, COUNTER, 5, 0, SQ, READ),
	[16] = T(COUNTER, BCR, COUNTER, 8, 3, MANY, READ),
	[17] = EVENT(SEP, 3, 3),
	[18] = EVENT(SPE, 4, 3),
	[19] = EVENT(OCI, 4, 3),
	[20] = PLAIN(SCD, PACKED, 5),
	[21] = PLAIN(NVA_BARE, NORMALISED, 2),
	[30] = CP56(SIQ, SINGLE, 1),
	[31] = CP56(DIQ, DOUBLE, 1),
	[32] = CP56(VTI, STEP, 2),
	[33] = CP56(BSI, BITSTRING, 5),
	[34] = CP56(NVA, NORMALISED, 3),
	[35] = CP56(SVA, SCALED, 3),
	[36] = CP56(R32, FLOAT, 5),
	[37] = T(COUNTER, BCR, COUNTER, 12, 7, MANY, READ),
	[38] = EVENT(SEP, 3, 7),
	[39] = EVENT(SPE, 4, 7),
	[40] = EVENT(OCI, 4, 7),
	[45] = COMMAND(SCO, SINGLE, 1, OPERATE),
	[46] = COMMAND(DCO, DOUBLE, 1, OPERATE),
	[47] = COMMAND(RCO, STEP, 1, OPERATE),
	[48] = COMMAND(NVA_QOS, NORMALISED, 3, WRITE),
	[49] = COMMAND(SVA_QOS, SCALED, 3, WRITE),
	[50] = COMMAND(R32_QOS, FLOAT, 5, WRITE),
	[51] = COMMAND(BSI_BARE, BITSTRING, 4, OPERATE),
	[58] = COMMAND_TIME(SCO, SINGLE, 1, OPERATE),
	[59] = COMMAND_TIME(DCO, DOUBLE, 1, OPERATE),
	[60] = COMMAND_TIME(RCO, STEP, 1, OPERATE),
	[61] = COMMAND_TIME(NVA_QOS, NORMALISED, 3, WRITE),
	[62] = COMMAND_TIME(SVA_QOS, SCALED, 3, WRITE),
	[63] = COMMAND_TIME(R32_QOS, FLOAT, 5, WRITE),
	[64] = COMMAND_TIME(BSI_BARE, BITSTRING, 4, OPERATE),
	[70] = T(INIT, COI, NONE, 1, 0, 0, READ),
	[81] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[82] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[83] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[84] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[85] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[86] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[87] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[90] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[91] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[92] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[93] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[94] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[95] = T(SECURE, NONE, NONE, 0, 0, 0, OPAQUE),
	[100] = T(INTERROGATE, QOI, NONE, 1, 0, 0, READ),
	[101] = T(COUNTERS, QCC, NONE, 1, 0, 0, READ),
	[102] = T(READ, NONE, OBJECT, 0, 0, 0, READ),
	[103] = T(CLOCK, NONE, NONE, 7, 7, 0, CONFIGURE),
	[104] = T(TEST, FBP, NONE, 2, 0, 0, DIAGNOSE),
	[105] = T(RESET, QRP, NONE, 1, 0, 0, OPERATE),
	[106] = T(DELAY, CP16, NONE, 2, 0, 0, CONFIGURE),
	[107] = T(TEST, TSC, NONE, 9, 7, 0, DIAGNOSE),
	[110] = T(PARAMETER, NVA_QPM, NORMALISED, 3, 0, 0, CONFIGURE),
	[111] = T(PARAMETER, SVA_QPM, SCALED, 3, 0, 0, CONFIGURE),
	[112] = T(PARAMETER, R32_QPM, FLOAT, 5, 0, 0, CONFIGURE),
	[113] = T(ACTIVATE, QPA, OBJECT, 1, 0, 0, CONFIGURE),
	[120] = T(FILE, NONE, NONE, 6, 0, 0, READ),
	[121] = T(FILE, NONE, NONE, 7, 0, 0, READ),
	[122] = T(FILE, NONE, NONE, 4, 0, 0, READ),
	[123] = T(FILE, NONE, NONE, 5, 0, 0, READ),
	[124] = T(FILE, NONE, NONE, 4, 0, 0, READ),
	[125] = T(FILE, NONE, NONE, 4, 0, 0, READ),
	[126] = T(FILE, NONE, NONE, 13, 7, SQ, READ),
	[127] = T(FILE, NONE, NONE, 16, 7, 0, READ),
};

#define C(cause) (UINT64_C(1) << (cause))
/* Interrogated by the station's or one of 16 groups' interrogation, 20 to 36; counters, 37 to 41; unknown ..., 44 to 47. */
#define INTERROGATED (((UINT64_C(1) << 17) - 1) << 20)
#define COUNTED      (((UINT64_C(1) << 5) - 1) << 37)
#define UNKNOWN      (((UINT64_C(1) << 4) - 1) << 44)

/*
 * Table by table the standard is narrower for some types (no cyclic transmission of what has a time tag); devices are not, and
 * none of these causes makes another thing of a value.
 */
const uint64_t iec104_causes[2][I104_GROUPS] = {
	[I104_CLIENT] =
		{
			[I104_G_COMMAND] = C(6) | C(8),
			[I104_G_INTERROGATE] = C(6) | C(8),
			[I104_G_COUNTERS] = C(6) | C(8),
			[I104_G_READ] = C(5),
			[I104_G_CLOCK] = C(6),
			[I104_G_TEST] = C(6),
			[I104_G_RESET] = C(6),
			[I104_G_DELAY] = C(3) | C(6),
			[I104_G_PARAMETER] = C(6),
			[I104_G_ACTIVATE] = C(6) | C(8),
			[I104_G_FILE] = C(5) | C(13),
			[I104_G_SECURE] = C(14) | C(15) | C(16),
		},
	[I104_SERVER] =
		{
			[I104_G_DATA] = C(1) | C(2) | C(3) | C(5) | C(11) | C(12) | INTERROGATED,
			[I104_G_COUNTER] = C(2) | C(3) | C(5) | COUNTED,
			[I104_G_EVENT] = C(3),
			[I104_G_INIT] = C(4),
			[I104_G_COMMAND] = C(7) | C(9) | C(10) | UNKNOWN,
			[I104_G_INTERROGATE] = C(7) | C(9) | C(10) | UNKNOWN,
			[I104_G_COUNTERS] = C(7) | C(9) | C(10) | UNKNOWN,
			[I104_G_READ] = UNKNOWN,
			[I104_G_CLOCK] = C(3) | C(7) | UNKNOWN,
			[I104_G_TEST] = C(7) | UNKNOWN,
			[I104_G_RESET] = C(7) | UNKNOWN,
			[I104_G_DELAY] = C(7) | UNKNOWN,
			[I104_G_PARAMETER] = C(7) | UNKNOWN,
			[I104_G_ACTIVATE] = C(7) | C(9) | UNKNOWN,
			[I104_G_FILE] = C(3) | C(5) | C(13) | UNKNOWN,
			[I104_G_SECURE] = C(14) | C(15) | C(16),
		},
};
