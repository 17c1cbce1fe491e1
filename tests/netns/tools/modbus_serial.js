// SPDX-License-Identifier: GPL-2.0-or-later
// Client and server made of the npm package modbus-serial: node modbus_serial.js server|client [ADDRESS [PORT]].
// NODE_PATH names the node_modules folder it is installed in.
'use strict';
const Modbus = require('modbus-serial');
const [, , role, address = '127.0.0.1', port = '502'] = process.argv;

function serve() {
	const registers = Array.from({ length: 200 }, (_, i) => i);
	const coils = Array.from({ length: 200 }, (_, i) => i % 2 === 1);
	const vector = {
		getHoldingRegister: (i) => registers[i],
		getInputRegister: (i) => 1000 + i,
		getCoil: (i) => coils[i],
		getDiscreteInput: (i) => coils[i],
		setRegister: (i, v) => { registers[i] = v; },
		setCoil: (i, v) => { coils[i] = v; },
		readDeviceIdentification: () => ({ 0: 'Test plant', 1: 'PLC-1', 2: '1.0' }),
	};
	new Modbus.ServerTCP(vector, { host: address, port: Number(port), unitID: 1 }).on('initialized', () => console.log('up'));
}

async function ask() {
	const c = new Modbus();
	await c.connectTCP(address, { port: Number(port) });
	c.setID(1);
	c.setTimeout(3000);
	console.log('read-coils', (await c.readCoils(0, 8)).data);
	console.log('read-discrete-inputs', (await c.readDiscreteInputs(0, 8)).data);
	console.log('read-holding-registers', (await c.readHoldingRegisters(40, 3)).data);
	console.log('read-input-registers', (await c.readInputRegisters(0, 2)).data);
	console.log('write-single-coil', await c.writeCoil(2, true));
	console.log('write-single-register', await c.writeRegister(41, 777));
	console.log('write-multiple-coils', await c.writeCoils(4, [true, false, true]));
	console.log('write-multiple-registers', await c.writeRegisters(40, [1, 2, 3]));
	console.log('read-device-identification', (await c.readDeviceIdentification(1, 0)).data);
	c.close(() => {});
}

if (role === 'server') serve();
else ask().catch((e) => { console.error('failed:', e.message || e); process.exit(1); });
