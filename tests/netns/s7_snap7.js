// SPDX-License-Identifier: GPL-2.0-or-later
// Client and server made of the npm packages node-snap7 (snap7 1.4.2) and nodes7: node s7_snap7.js server|client|download|nodes7 [ADDRESS].
// NODE_PATH names the node_modules folder they are installed in.
'use strict';
const [, , role, address = '127.0.0.1'] = process.argv;

function serve() {
	const snap7 = require('node-snap7');
	const s = new snap7.S7Server();
	const db1 = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
	s.RegisterArea(s.srvAreaDB, 1, db1);
	s.RegisterArea(s.srvAreaMK, Buffer.alloc(256));
	if (!s.StartTo(address)) throw new Error(s.ErrorText(s.LastError()));
	s.on('event', (e) => console.log(s.EventText(e)));
}

function tell(c, name, result) {
	console.log(name, result === false ? 'failed: ' + c.ErrorText(c.LastError()) : Buffer.isBuffer(result) ? 'ok ' + result.toString('hex') : 'ok');
}

function client() {
	const snap7 = require('node-snap7');
	const c = new snap7.S7Client();
	tell(c, 'connect', c.ConnectTo(address, 0, 1));
	tell(c, 'read-db', c.DBRead(1, 0, 8));
	tell(c, 'write-db', c.DBWrite(1, 0, 4, Buffer.from('deadbeef', 'hex')));
	tell(c, 'read-back', c.DBRead(1, 0, 8));
	tell(c, 'read-merker', c.ReadArea(c.S7AreaMK, 0, 0, 4, c.S7WLByte));
	tell(c, 'write-bit', c.WriteArea(c.S7AreaMK, 0, 83, 1, c.S7WLBit, Buffer.from([1])));
	tell(c, 'read-multi', c.ReadMultiVars([
		{ Area: c.S7AreaDB, WordLen: c.S7WLByte, DBNumber: 1, Start: 0, Amount: 3 },
		{ Area: c.S7AreaMK, WordLen: c.S7WLBit, DBNumber: 0, Start: 83, Amount: 1 },
		{ Area: c.S7AreaDB, WordLen: c.S7WLReal, DBNumber: 99, Start: 0, Amount: 1 }]));
	tell(c, 'cpu-info', c.GetCpuInfo());
	tell(c, 'order-code', c.GetOrderCode());
	tell(c, 'list-blocks', c.ListBlocks());
	tell(c, 'plc-status', c.PlcStatus());
	tell(c, 'plc-stop', c.PlcStop());
	tell(c, 'plc-cold-start', c.PlcColdStart());
	tell(c, 'plc-hot-start', c.PlcHotStart());
	tell(c, 'read-clock', c.GetPlcDateTime());
	tell(c, 'set-clock', c.SetPlcSystemDateTime());
	tell(c, 'password', c.SetSessionPassword('12345678'));
	tell(c, 'read-szl', c.ReadSZL(0x11, 0));
	c.Disconnect();
}

// snap7's own server refuses blocks: enough to see them pass or be stopped.
function download() {
	const snap7 = require('node-snap7');
	const c = new snap7.S7Client();
	const n = 36 + 16 + 36;
	const block = Buffer.alloc(n); // the smallest header of a data block
	block.write('pp', 0);
	block.set([1, 1, 5, 0x0a], 2);
	block.writeUInt16BE(1, 6);
	block.writeUInt32BE(n, 8);
	block.writeUInt16BE(16, 34);
	tell(c, 'connect', c.ConnectTo(address, 0, 1));
	tell(c, 'upload', c.FullUpload(c.Block_DB, 1, 1024));
	tell(c, 'download', c.Download(1, block));
	tell(c, 'delete', c.Delete(c.Block_DB, 1));
	c.Disconnect();
}

function nodes7() {
	const c = new (require('nodes7'))({ silent: true });
	const names = { W: 'DB1,INT0', R: 'DB1,REAL4', B: 'DB1,X10.0', S: 'DB1,BYTE20.5' };
	c.initiateConnection({ port: 102, host: address, rack: 0, slot: 1, timeout: 4000 }, (error) => {
		if (error) throw error;
		c.setTranslationCB((name) => names[name]);
		c.addItems(['W', 'R', 'B', 'S']);
		c.readAllItems((bad) => {
			console.log('read', bad ? 'failed' : 'ok');
			c.writeItems(['W', 'B'], [1234, true], (bad2) => {
				console.log('write', bad2 ? 'failed' : 'ok');
				c.readAllItems((bad3, v) => {
					console.log('back', bad3 ? 'failed' : `ok ${v.W} ${v.B}`);
					c.dropConnection(() => process.exit(0));
				});
			});
		});
	});
}

({ server: serve, client, download, nodes7 })[role]();
